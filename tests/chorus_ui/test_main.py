"""`python -m chorus_ui`, as a person or `chorus serve` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.browser.webpage import START_SECONDS, WebPage
from tests.conftest import free_port


def start(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CHORUS_")}
    return subprocess.run(
        [sys.executable, "-m", "chorus_ui", *argv],
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


def test_help_has_an_example() -> None:
    done = start("--help")
    assert done.returncode == 0
    assert "CHORUS_UI_GATEWAY=https://" in done.stdout


def test_a_wrong_setting_ends_it_with_one_line() -> None:
    done = start(CHORUS_UI_PORT="many")
    assert done.returncode == 2
    assert done.stderr == (
        "chorus: wrong settings: CHORUS_UI_PORT must be a number from 1 to 65535\n"
    )


def test_a_port_that_is_taken_ends_it_with_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = start(CHORUS_UI_PORT=port)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"port {port} is taken" in done.stderr


def test_without_gradio_it_says_how_to_install_it(tmp_path: Path) -> None:
    # A finder that finds no gradio, in the place where Python looks for such things.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'gradio' else find(name, *a)\n"
    )
    done = start(PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install --no-deps -r requirements-ui.txt" in done.stderr


@pytest.mark.parametrize("name", ["GRADIO_SHARE", "GRADIO_ALLOWED_PATHS"])
def test_gradio_is_told_nothing_by_the_environment(name: str) -> None:
    from chorus_ui.__main__ import prepare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", {name: "/", "PATH": "/bin"})
        prepare("/uploads")
        assert name not in os.environ
        assert os.environ["GRADIO_TEMP_DIR"] == "/uploads"


def test_it_leaves_when_told_to_with_a_browser_open(tmp_path: Path) -> None:
    page = WebPage.start(tmp_path / "log", f"http://127.0.0.1:{free_port()}")
    with httpx.stream("GET", f"{page.url}/gradio_api/heartbeat/abc", timeout=60) as heartbeat:
        next(heartbeat.iter_lines())
        uploads = httpx.post(f"{page.url}/gradio_api/upload", files={"files": b"x"}).json()
        assert Path(uploads[0]).exists()
        assert page.stop() == 0, page.log.read_text()
    assert not Path(uploads[0]).exists()
    assert "Traceback" not in page.log.read_text()
