"""Plain ASGI around an application: a span for each request, and its caller's trace goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opentelemetry.trace import Tracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chorus_http.traces.context import CURRENT, TRACEPARENT
from chorus_http.traces.spans import OpenSpan, begin

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "_OTHER"  # OpenTelemetry's word for a method that is made up
UNNAMED: Final = "HTTP"  # and its word for such a method in a span's name

_HEADER: Final = TRACEPARENT.encode()


class TraceRequests:
    """Starts a span before the application, and ends it when all of the answer is sent.

    `template` names the route that has answered, None where there is none; a path that is not
    `traced` is served as if nothing were here.
    """

    def __init__(
        self,
        app: ASGIApp,
        tracer: Tracer,
        template: Callable[[Scope], str | None],
        traced: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._tracer = tracer
        self._template = template
        self._traced = traced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not self._traced(scope["path"]):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        name = UNNAMED if method == OTHER else method
        span = begin(self._tracer, name, _traceparent(scope))
        span.note({"http.request.method": method, "url.scheme": scope.get("scheme", "http")})
        status: int | None = None

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token = CURRENT.set(span)
        try:
            await self._app(scope, receive, note_status)
        except Exception:
            status = status or 500  # what the server answers to it
            raise
        finally:
            CURRENT.reset(token)
            self._end(span, name, scope, status)

    def _end(self, span: OpenSpan, name: str, scope: Scope, status: int | None) -> None:
        if route := self._template(scope):
            span.span.update_name(f"{name} {route}")
            span.note({"http.route": route})
        if status is not None:  # else the caller has left without an answer
            span.note({"http.response.status_code": status})
            if status >= 500:
                span.failed(str(status))
        span.end()


def _traceparent(scope: Scope) -> str | None:
    """The header, if there is exactly one, as the standard demands."""
    given = [value for name, value in scope["headers"] if name == _HEADER]
    return given[0].decode("latin-1") if len(given) == 1 else None
