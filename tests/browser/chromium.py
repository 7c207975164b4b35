"""The Chromium of the system, driven by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a tone, where there is no microphone
)


class NoBrowserError(Exception):
    """None is on the PATH; the text says what was looked for."""


@contextmanager
def opened(environment: Mapping[str, str] | None = None) -> Iterator[Browser]:
    """A browser without a window, gone when this closes. Raises NoBrowserError."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise NoBrowserError(f"there is no browser: none of {', '.join(NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        env: dict[str, str | float | bool] | None = dict(environment) if environment else None
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS), env=env)
        try:
            yield browser
        finally:
            browser.close()
