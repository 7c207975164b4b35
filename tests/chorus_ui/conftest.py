"""A page whose gateway is not there, for what needs none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.browser.webpage import WebPage
from tests.conftest import free_port


@pytest.fixture(scope="session")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebPage]:
    """A real process of it."""
    log = tmp_path_factory.mktemp("lonely") / "page.log"
    page = WebPage.start(log, f"http://127.0.0.1:{free_port()}")
    yield page
    assert page.stop() == 0, page.log.read_text()
