"""Plain ASGI middleware: it sees the client leave, which a wrapped request would hide."""

import time
from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chorus_gateway.metrics import Metrics
from chorus_gateway.readiness import Readiness

CACHE_CONTROL: Final = b"cache-control"


class MeterRequests:
    """Counts and times every request by its route template, and refusals by their reason."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500  # what the outermost layer answers when an exception passes through here

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            seconds = time.perf_counter() - start
            self._metrics.observe_request(template(scope), scope["method"], status, seconds)
            if refusal := scope.get("refusal"):
                self._metrics.observe_refusal(refusal)


def template(scope: Scope) -> str:
    """Name the route that matched; whatever has none shares a name."""
    path: str = getattr(scope.get("route"), "path", "other")
    return path.rstrip("/") or "/"


class CloseWhenDraining:
    """Asks clients of a leaving gateway to let go of their connections."""

    def __init__(self, app: ASGIApp, readiness: Readiness) -> None:
        self._app = app
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if not self._readiness.draining:
            await self._app(scope, receive, send)
            return

        async def say_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, say_close)


class ForbidStoring:
    """Keeps answers out of caches, but for those that say themselves how long they hold."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        def say_so(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if not any(name == CACHE_CONTROL for name, _ in headers):
                    message = {**message, "headers": [*headers, (CACHE_CONTROL, b"no-store")]}
            return send(message)

        await self._app(scope, receive, say_so)
