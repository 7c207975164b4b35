"""A vulnerability service on this machine that speaks OSV's protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Holes = Mapping[tuple[str, str], str]
"""From a package and its version to the id of what is wrong with it."""


@contextmanager
def database(holes: Holes, status: int = 200) -> Iterator[str]:
    """The address of its queries."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["content-length"])))
            package, version = query["package"]["name"], query["version"]
            hole = holes.get((package, version))
            body = json.dumps({"vulns": [_entry(hole, package)]} if hole else {}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()


def _entry(hole: str, package: str) -> dict[str, Any]:
    fixed = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}
    affected = {"package": {"name": package, "ecosystem": "PyPI"}, "ranges": [fixed]}
    return {
        "id": hole,
        "summary": "a hole",
        "affected": [affected],
        "published": "2024-01-01T00:00:00Z",
    }
