"""An id for every request: its caller's own where that is well-formed, else a new one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable
from contextvars import ContextVar
from os import urandom
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "x-request-id"
KEY: Final = "chorus.request_id"
"""Where a request's scope holds its id."""
CURRENT: Final[ContextVar[str]] = ContextVar("chorus_request_id", default="")
"""The id of the request that is being answered, for the log and for further calls."""

_NAME: Final = HEADER.encode()
_ALIAS: Final = b"x-amzn-trace-id"  # what Hugging Face's clients call it
_NAMES: Final = (_NAME, _ALIAS)
_FORM: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def new() -> str:
    """An id that nobody else has."""
    return urandom(16).hex()  # a quarter of the cost of a UUID, and as random


def accepted(given: Iterable[str | bytes]) -> str:
    """The id of a request, by all that its caller gave as one: anything odd is replaced."""
    ids = [value.decode("latin-1") if isinstance(value, bytes) else value for value in given]
    return ids[0] if len(ids) == 1 and _FORM.fullmatch(ids[0]) else new()


def of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id of a request with these headers, their names in lower case."""
    given = [header for header in headers if header[0] in _NAMES]
    if not given:
        return new()
    named = [value for name, value in given if name == _NAME]
    return accepted(named or [value for _, value in given])


def passed_on() -> dict[str, str]:
    """The header that tells the next server of the request being answered; empty without one."""
    current = CURRENT.get()
    return {HEADER: current} if current else {}


class RequestIds:
    """Plain ASGI around a whole application: the id is in the scope, in CURRENT, in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[KEY] = of(scope["headers"])
        CURRENT.set(request_id)

        def echo(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                own = (_NAME, request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), own]}
            return send(message)

        await self._app(scope, receive, echo)
