"""A real browser on a real page in front of a real gateway with every model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.browser import chromium
from tests.browser.odd_gateway import OddPage, odd_page
from tests.browser.webpage import WebPage, opened
from tests.clients.conftest import serving
from tests.stack.conftest import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The five classifiers and a model for every task, each on its stand-in."""
    yield from serving(tmp_path_factory.mktemp("stack") / "serve.log", "--models", "all")


@pytest.fixture(scope="session")
def webpage(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebPage]:
    """The page in front of it."""
    page = WebPage.start(tmp_path_factory.mktemp("page") / "page.log", stack.url)
    yield page
    assert page.stop() == 0, page.log.read_text()
    assert "Traceback" not in page.log.read_text()


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OddPage]:
    """A page in front of a gateway that answers as none of ours would."""
    with odd_page(tmp_path_factory.mktemp("odd") / "page.log") as page:
        yield page


# Of a file and not of the session: while playwright runs, no other test may run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of the system."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    try:
        with chromium.opened() as browser:
            yield browser
    except chromium.NoBrowserError as error:
        pytest.skip(str(error))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor of whom nobody knows anything."""
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, webpage: WebPage) -> Iterator[Page]:
    """The page, open; in the end no error in the console, and no request to anywhere else."""
    yield from opened(context, webpage)
