"""The requests to copy are run, by bash and by Python, and what arrives is looked at."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from chorus_ui import snippets
from chorus_ui.request import Attachment, Request

PHOTO: Final = bytes(range(256))
AWKWARD: Final = 'It\'s "$HOME" `id` $(id) \\ \\n \t{{x}} 👍 नमस्ते\nEND\n'

REQUESTS: Final = {
    "text": Request("/process", json=AWKWARD),
    "parameters": Request("/models/a", json={"inputs": [AWKWARD], "parameters": {"x": None}}),
    "file": Request("/models/b", body=PHOTO, content_type="image/png"),
    "file in JSON": Request(
        "/models/c", json={"inputs": {"image": Attachment(PHOTO, "photo.png"), "text": AWKWARD}}
    ),
    "long": Request("/models/d", json="long " * 10_000),
    "stream": Request("/models/e", json={"inputs": "a", "stream": True}),
    "saved": Request("/models/f", json="a", saves="speech.wav"),
}


class Echo(BaseHTTPRequestHandler):
    """Keeps what it is sent, in the order in which it comes."""

    received: list[tuple[str, str, bytes, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = self.headers["content-type"], self.headers.get("authorization", "")
        self.received.append((self.path, headers[0], body, headers[1]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    Echo.received = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader would run them, with the files that they name."""
    (tmp_path / "photo.png").write_bytes(PHOTO)
    (tmp_path / "request.json").write_bytes(REQUESTS["long"].content)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "KEY": "k"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("kind", REQUESTS)
def test_curl_sends_it(kind: str, keyed: bool, server: ThreadingHTTPServer, folder: Path) -> None:
    request = REQUESTS[kind]
    shown = snippets.curl(request, f"http://127.0.0.1:{server.server_port}", keyed)
    output = run(["bash", "-c", shown], folder)
    _arrived(request, keyed)
    answer = (folder / request.saves).read_text() if request.saves else output
    assert json.loads(answer) == {"ok": True}


# Each start of Python and httpx takes most of a second.
@pytest.mark.parametrize("kind", ["text", "file in JSON", "saved"])
def test_python_sends_it(kind: str, server: ThreadingHTTPServer, folder: Path) -> None:
    request = REQUESTS[kind]
    shown = snippets.python(request, f"http://127.0.0.1:{server.server_port}", keyed=True)
    run([sys.executable, "-c", shown], folder)
    _arrived(request, keyed=True)
    assert not request.saves or (folder / request.saves).exists()


@pytest.mark.parametrize("kind", REQUESTS)
def test_python_is_python(kind: str) -> None:
    compile(snippets.python(REQUESTS[kind], "http://localhost:8000"), kind, "exec")


def _arrived(request: Request, keyed: bool) -> None:
    path, kind, body, key = Echo.received[-1]
    assert (path, kind) == (request.path, request.content_type)
    assert key == ("Bearer k" if keyed else "")
    if request.body is not None:
        assert body == request.body
    else:
        assert json.loads(body) == json.loads(request.content)
