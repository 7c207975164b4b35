"""A gateway that answers as none of ours would: with markup, and when it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tests.browser.webpage import START_SECONDS, WebPage

HOSTILE: Final = "<img src=x onerror=\"document.title='hacked'\"><script>alert(1)</script>${1+1}"


@dataclass(frozen=True)
class OddPage:
    """A page in front of it; a text with `wait` in it is answered when `go` is set."""

    webpage: WebPage
    go: threading.Event


class Handler(BaseHTTPRequestHandler):
    """Markup wherever a text may be."""

    go: threading.Event

    def do_GET(self) -> None:
        stated = dict.fromkeys(("weights", "standin", "labels", "checkpoint", "revision"), HOSTILE)
        process = {**stated, "name": "process", "task": None}
        classifier = {**stated, "name": HOSTILE, "task": "text-classification"}
        self._answer({"models": [process, classifier]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if b"fail" in body:
            return self._answer({"error": HOSTILE}, 503)
        if b"wait" in body:
            self.go.wait(START_SECONDS)
        self._answer({HOSTILE: {"label": HOSTILE, "score": 0.5}})

    def _answer(self, content: object, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-chorus-weights", HOSTILE)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def odd_page(log: Path) -> Iterator[OddPage]:
    """Serve both."""
    Handler.go = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        webpage = WebPage.start(log, f"http://127.0.0.1:{server.server_port}")
        yield OddPage(webpage, Handler.go)
        Handler.go.set()
        assert webpage.stop() == 0, log.read_text()
        server.shutdown()
