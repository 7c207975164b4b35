"""The README's pictures of the page, taken anew by `make pictures`.

python -m tests.browser.pictures
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PIL import Image
from tests.browser import chromium
from tests.browser.webpage import SECONDS, WebPage, visit
from tests.clients.conftest import serving
from tests.stack.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER: Final = ROOT / "docs" / "pictures"
WIDTH, HEIGHT, SCALE = 1200, 690, 2
MOST_BYTES: Final = 300_000
SETTLE_SECONDS: Final = 2
"""For the bars to have grown, and the tabs to be those of the models."""
TEXT: Final = "This is how true happiness looks like 👍😜"
"""The README's own; its answers are shown there too."""
FONTS: Final = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include>/etc/fonts/fonts.conf</include>
<alias binding="strong"><family>system-ui</family>
<prefer><family>Noto Sans</family><family>Noto Color Emoji</family></prefer></alias>
<alias binding="strong"><family>sans-serif</family>
<prefer><family>Noto Sans</family><family>Noto Color Emoji</family></prefer></alias>
</fontconfig>"""
"""As most people's systems have it: one family for all scripts, and emoji in colour."""
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


def main() -> None:
    """Start everything, take both pictures, stop everything."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium.opened({**os.environ, "FONTCONFIG_FILE": str(fonts(Path(folder)))}) as browser,
        contextmanager(serving)(Path(folder) / "serve.log", "--models", "all") as stack,
    ):
        page = WebPage.start(Path(folder) / "page.log", stack.url)
        try:
            for scheme in SCHEMES:
                take(browser, page.url, scheme)
        finally:
            page.stop()


def fonts(folder: Path) -> Path:
    """The fonts of the pictures, wherever they are taken."""
    file = folder / "fonts.conf"
    file.write_text(FONTS)
    return file


def take(browser: Browser, url: str, scheme: Scheme) -> None:
    """Write docs/pictures/page-SCHEME.png."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=SCALE,
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    visit(page, url)
    show(page)
    picture = FOLDER / f"page-{scheme}.png"
    picture.write_bytes(compressed(page.screenshot(full_page=True, animations="disabled")))
    sys.stdout.write(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1000} kB\n")
    context.close()


def show(page: Page) -> None:
    """Have the README's text answered by all five, and nothing in the way."""
    page.locator("#process-text textarea").fill(TEXT)
    answers = page.locator("#process-answers")
    answers.get_by_text("jy46604790").wait_for(timeout=SECONDS * 1000)
    page.locator("#process-text textarea").evaluate("box => box.blur()")
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLE_SECONDS * 1000)


def compressed(picture: bytes) -> bytes:
    """The same in as few colours as it takes to be small. Raises RuntimeError if it never is."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 64):
        written = io.BytesIO()
        few = image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(written, "png", optimize=True)
        if written.tell() < MOST_BYTES:
            return written.getvalue()
    raise RuntimeError(f"the picture has {written.tell()} bytes, more than {MOST_BYTES}")


if __name__ == "__main__":
    try:
        main()
    except chromium.NoBrowserError as error:
        sys.exit(str(error))
