"""`python -m chorus_ui` as a process, and what a visitor of it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from tests.conftest import free_port

from chorus_ui.panels import GROUPS

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page

START_SECONDS: Final = 120.0
SECONDS: Final = 60.0
"""How long a visitor waits for anything; the machine may be slow."""
MILLISECONDS: Final = SECONDS * 1000


@dataclass
class WebPage:
    """A running page."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    @classmethod
    def start(cls, log: Path, gateway: str, port: int = 0, **variables: str) -> WebPage:
        """Start it and wait until it serves."""
        port = port or free_port()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CHORUS_", "GRADIO_"))}
        told = {"CHORUS_UI_PORT": str(port), "CHORUS_UI_GATEWAY": gateway, **variables}
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "chorus_ui"],
                env=kept | told,
                stdout=out,
                stderr=out,
                text=True,
            )
        page = cls(process, f"http://127.0.0.1:{port}", log)
        page.wait_until_live()
        return page

    def wait_until_live(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if httpx.get(f"{self.url}/healthz", timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(f"the page does not serve:\n{self.log.read_text()}")

    def stop(self) -> int:
        """Ask it to stop; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)


@dataclass
class Watch:
    """What a browser complained of, and where it went, while a page was open."""

    origin: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.elsewhere.append(url)


def opened(context: BrowserContext, webpage: WebPage) -> Iterator[Page]:
    """Open the page; in the end no error in the console, and no request to anywhere else."""
    page = context.new_page()
    watch = Watch(webpage.url)
    watch.attach(page)
    visit(page, webpage.url)
    yield page
    assert not watch.errors
    assert not watch.elsewhere


def visit(page: Page, url: str) -> None:
    """Open the page and wait for its first tab."""
    page.goto(url)
    page.get_by_role("tab").first.wait_for(timeout=MILLISECONDS)


def open_task(page: Page, task: str) -> Locator:
    """Open the tab of a task; its content."""
    for group, panels in GROUPS.items():
        for panel in panels:
            if panel.task == task:
                page.get_by_role("tab", name=group, exact=True).click()
                page.get_by_role("tab", name=panel.title, exact=True).click()
                return page.get_by_role("tabpanel").filter(visible=True).last
    raise AssertionError(f"there is no tab for {task}")
