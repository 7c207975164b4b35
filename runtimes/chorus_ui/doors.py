"""Which of gradio's many routes are open: those that a browser on the page needs, and no other.

gradio serves an API, a proxy, recordings, monitoring, an editor and more; what is not listed here
is answered with 404 before gradio sees it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API: Final = "/gradio_api"
READ: Final = re.compile(
    r"/|/healthz|/config|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt"
    r"|/(?:static|assets)/[\w./@+-]+"
    rf"|{API}/(?:heartbeat/\w+|queue/data|upload_progress|startup-events)"
    rf"|{API}/file=/[^:]+"  # a path; of a URL gradio would fetch what is there
)
EVENTS: Final = re.compile(rf"{API}/(?:queue/join|run/predict|cancel|reset)/?")
UPLOAD: Final = f"{API}/upload"
LONGEST: Final = 4 << 20
"""Bytes of an event; above the 1 MiB of a text that the gateway takes, so that it is the one to say
so. Files are uploaded by themselves."""


class Doors:
    """ASGI middleware that lets the page's own requests pass."""

    def __init__(self, app: ASGIApp, uploads: Path) -> None:
        self._app = app
        self._uploads = uploads.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        method, path = scope.get("method"), scope["path"]
        if method in ("GET", "HEAD") and READ.fullmatch(path):
            return await self._app(scope, receive, send)
        if method == "POST" and path == UPLOAD:
            return await self._app(scope, receive, send)
        if method == "POST" and EVENTS.fullmatch(path):
            return await self._event(scope, receive, send)
        refusal = JSONResponse({"error": "there is nothing here"}, 404)
        await refusal(scope, receive, send)

    async def _event(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(scope, receive)
        if body is None:
            refusal = JSONResponse({"error": "this is more than the page takes"}, 413)
            return await refusal(scope, receive, send)
        if not self._names_only_uploads(body):
            refusal = JSONResponse({"error": "a file must have been uploaded here"}, 400)
            return await refusal(scope, receive, send)
        await self._app(scope, _Replay(body, receive), send)

    def _names_only_uploads(self, body: bytes) -> bool:
        """Look at every file that is named: gradio opens paths, and fetches what URLs lead to."""
        try:
            event = json.loads(body)
            return all(self._uploaded(path) for path in paths(event))
        except (ValueError, RecursionError):
            return False

    def _uploaded(self, path: str) -> bool:
        return Path(path).resolve().is_relative_to(self._uploads)


def paths(value: Any) -> Iterator[str]:
    """Yield the path of every file that a JSON value names."""
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            yield value["path"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from paths(one)


class _Replay:
    """Gives a body that has been read to who reads it next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._first: Message | None = {"type": "http.request", "body": body}
        self._receive = receive

    async def __call__(self) -> Message:
        if self._first is None:
            return await self._receive()
        message, self._first = self._first, None
        return message


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Read the body; None if it is too long."""
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or int(declared) > LONGEST:
        return None
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > LONGEST:
            return None
        if not message.get("more_body"):
            return body
