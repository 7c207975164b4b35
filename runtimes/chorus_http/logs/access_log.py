"""The access log: one line for each request, of nothing that its caller made up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..access.callers import CALLER, Caller
from .lines import FIELDS
from .setup import ACCESS

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
LEFT: Final = 499
"""The status of a request whose caller left before the answer began."""
UNKNOWN: Final = "-"

NOTED: Final[ContextVar[dict[str, Any] | None]] = ContextVar("chorus_noted", default=None)
"""What is known of the request that is being answered, as long as there is an access log."""

logger = logging.getLogger(ACCESS)


def note(**facts: str | float) -> None:
    """Add to what will be said of a request: its served `model`, `items`, `queue_ms`, `device_ms`.

    Where there is no access log, this does nothing.
    """
    noted = NOTED.get()
    if noted is not None:
        noted.update(facts)


class Line:
    """The line of one request, from its first moment on."""

    def __init__(self) -> None:
        self._start = perf_counter()
        self._noted: dict[str, Any] = {"model": UNKNOWN, "items": UNKNOWN}
        NOTED.set(self._noted)

    def write(self, method: str, route: str, status: int | str, key: str) -> None:
        """Write it. The method and the route are of closed sets, the key is its name."""
        fields = {
            "key": key or UNKNOWN,
            "method": method,
            "route": route,
            "status": status,
            "ms": milliseconds(perf_counter() - self._start),
        }
        logger.info("request", extra={FIELDS: fields | self._noted})


def milliseconds(seconds: float) -> float:
    """Seconds as the log says them."""
    return round(1000 * seconds, 3)


class AccessLog:
    """Plain ASGI around a whole application.

    `route_of` names a request's route template; of a path that is none of `logged`, as probes ask
    for every few seconds, there is no line.
    """

    def __init__(
        self, app: ASGIApp, route_of: Callable[[Scope], str], logged: Callable[[str], bool]
    ) -> None:
        self._app = app
        self._route_of = route_of
        self._logged = logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not self._logged(scope["path"]):
            await self._app(scope, receive, send)
            return
        line = Line()
        status = LEFT

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except Exception:
            status = 500 if status == LEFT else status  # what the server answers to it
            raise
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            caller: Caller | None = scope.get(CALLER)
            line.write(method, self._route_of(scope), status, caller.name if caller else "")
