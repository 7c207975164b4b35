"""A keep-alive connection with at most one request in flight, and how a request can end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple, Protocol, cast

import httptools

HOST = "127.0.0.1"
REFUSALS = frozenset({429, 503})

Check = Callable[[bytes], bool]


class Call(NamedTuple):
    """One HTTP request, ready to be written, and the check that its reply's body must pass."""

    request: bytes
    check: Check


Text = tuple[Call, ...]
"""One text: the calls, sent at once, whose replies together answer it."""


class Verdict(IntEnum):
    """How a text ended; of several replies the worst one counts."""

    GOOD = 0
    REFUSED = 1
    """429 or 503: the server said that it is too busy."""
    FAILED = 2
    """Another status, no HTTP, no reply in time, or no connection."""
    WRONG = 3
    """200 with a body that fails its check."""


class Owner(Protocol):
    """Whom a connection tells how its call ended."""

    def settle(self, verdict: Verdict, why: str) -> None:
        """The call in flight has ended; `why` explains any verdict but GOOD."""
        ...


def post(path: str, body: bytes, port: int) -> bytes:
    """A complete `POST` of a JSON body over keep-alive HTTP/1.1."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


class Connection(asyncio.Protocol):
    """Used until it closes."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.call: Call | None = None
        self.body = b""
        self.open = False
        self.doom = ""

    def send(self, call: Call) -> None:
        """Write the call; its end is told to the owner, once."""
        assert self.transport is not None, "a client sends only when all are connected: a bug"
        self.call = call
        self.transport.write(call.request)

    def abort(self, why: str = "") -> None:
        """Close at once; a call in flight has failed."""
        self.open = False
        self.doom = self.doom or why
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.abort(f"not HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._settle(Verdict.FAILED, self.doom or f"connection lost: {error}")

    # What the parser calls.
    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        status = self.parser.get_status_code()
        if not self.parser.should_keep_alive():
            self.abort()
        if status in REFUSALS:
            self._settle(Verdict.REFUSED, f"{status}: {body.decode(errors='replace')}")
        elif status != 200:
            self._settle(Verdict.FAILED, f"{status}: {body.decode(errors='replace')}")
        elif self.call is not None and not self.call.check(body):
            self._settle(Verdict.WRONG, f"wrong: {body.decode(errors='replace')}")
        else:
            self._settle(Verdict.GOOD, "")

    def _settle(self, verdict: Verdict, why: str) -> None:
        # No call: the reply was not asked for, or the text was settled before the line broke.
        if self.call is None:
            return
        self.call = None
        self.owner.settle(verdict, why)
