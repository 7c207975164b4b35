"""`chorus serve --ui`: the web page comes and goes, and the servers notice nothing of it."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from .conftest import WEIGHTLESS, Stack, free_ports

USUAL = 7860
WITHOUT_GRADIO = "import sys\nsys.modules['gradio'] = None\n"
GIVEN_UP = "all else goes on without it"


def start(log: Path, *options: str, **variables: str) -> tuple[Stack, str]:
    """A stack with a page, and the page's URL once the summary shows it."""
    stack = Stack.start(log, *WEIGHTLESS, "--ui", *options, **variables)
    stack.wait_until_announced()
    shown = re.search(r"^page +(http://\S+)", log.read_text(), re.M)
    assert shown, log.read_text()
    return stack, shown[1]


def page_of(stack: Stack) -> psutil.Process | None:
    for process in psutil.Process(stack.process.pid).children():
        if "chorus_ui" in process.cmdline():
            return process
    return None


def until(true: Callable[[], bool], stack: Stack, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert stack.process.poll() is None, stack.log.read_text()
        assert time.monotonic() < deadline, stack.log.read_text()
        time.sleep(0.05)


def serves(url: str) -> bool:
    try:
        return bool(httpx.get(f"{url}/healthz", timeout=10).json() == {"live": True})
    except httpx.HTTPError:
        return False


def answers(stack: Stack) -> bool:
    """The servers do, whatever becomes of the page."""
    ready = httpx.get(f"{stack.url}/readyz", timeout=30).status_code
    answer = httpx.post(f"{stack.url}/process", json="hello", timeout=30).status_code
    return (ready, answer) == (200, 200)


@pytest.fixture(scope="module")
def paged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, str]]:
    """One with the page on the usual port, which another program has."""
    with ExitStack() as opened:
        with suppress(OSError):  # it is taken already
            opened.enter_context(socket.create_server(("127.0.0.1", USUAL)))
        started = start(tmp_path_factory.mktemp("page") / "log")
    yield started
    started[0].stop()


def test_where_the_usual_port_is_taken_it_is_the_next(paged: tuple[Stack, str]) -> None:
    stack, url = paged
    until(lambda: serves(url), stack)
    assert int(url.rpartition(":")[2]) > USUAL
    assert f"({USUAL} is taken" in stack.log.read_text()


def test_it_is_the_page(paged: tuple[Stack, str]) -> None:
    stack, url = paged
    until(lambda: serves(url), stack)
    page = httpx.get(url, timeout=30)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "Chorus" in page.text


def test_it_lets_the_servers_go_first_and_shares_no_group_with_them(
    paged: tuple[Stack, str],
) -> None:
    stack, _ = paged
    page = page_of(stack)
    assert page
    assert page.nice() == min(os.nice(0) + 10, 19)
    assert os.getpgid(page.pid) == page.pid


def test_a_page_that_dies_comes_back_and_nobody_else_notices(paged: tuple[Stack, str]) -> None:
    stack, url = paged
    until(lambda: serves(url), stack)
    page = page_of(stack)
    assert page
    page.kill()
    assert answers(stack)
    until(lambda: "page was killed by SIGKILL; starting it again" in stack.log.read_text(), stack)
    assert answers(stack)
    until(lambda: "page is ready again" in stack.log.read_text(), stack)
    assert serves(url)


def test_sigterm_ends_the_page_too(paged: tuple[Stack, str]) -> None:
    """The last test of this stack; a browser has its page open."""
    stack, url = paged
    until(lambda: serves(url), stack)
    page = page_of(stack)
    with httpx.stream("GET", f"{url}/gradio_api/heartbeat/abrowser", timeout=30) as browser:
        assert browser.status_code == 200
        assert stack.stop() == 0
    assert page
    assert not page.is_running()
    assert "killing it" not in stack.log.read_text()


@pytest.mark.slow
def test_a_page_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    stack, url = start(tmp_path / "log")
    for _ in range(5):
        until(lambda: page_of(stack) is not None, stack)
        page = page_of(stack)
        assert page
        page.kill()
        page.wait(30)
    until(lambda: GIVEN_UP in stack.log.read_text(), stack)
    lines = [line for line in stack.log.read_text().splitlines() if GIVEN_UP in line]
    assert len(lines) == 1
    assert "page was killed by SIGKILL, 5 times in a row" in lines[0]
    time.sleep(2)  # it stays away
    assert page_of(stack) is None
    assert not serves(url)
    assert answers(stack)
    assert stack.stop() == 0


def test_a_port_that_was_asked_for_and_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as other:
        port = other.getsockname()[1]
        stack = Stack.start(tmp_path / "log", *WEIGHTLESS, "--ui", "--ui-port", str(port))
        assert stack.process.wait(60) == 2
    assert (tmp_path / "log").read_text() == (
        f"chorus: port {port} is taken; choose another with --ui-port or CHORUS_UI_PORT\n"
    )


def test_where_gradio_is_missing_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_GRADIO)
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS, "--ui", PYTHONPATH=str(tmp_path))
    assert stack.process.wait(60) == 2
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith("chorus: the web page is not installed; ")
    assert "`.venv/bin/pip install --no-deps -r requirements-ui.txt`" in line


@pytest.mark.slow
def test_without_gradio_and_without_the_page_it_serves(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_GRADIO)
    options = (*WEIGHTLESS, "--no-ui")
    stack = Stack.start(tmp_path / "log", *options, PYTHONPATH=str(tmp_path), CHORUS_UI="true")
    stack.wait_until_announced()
    assert "page" not in stack.log.read_text()
    assert answers(stack)
    assert page_of(stack) is None
    assert stack.stop() == 0
