"""A keep-alive connection with at most one request in flight, and how a request can end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol, cast

import httptools

from chorus.load.address import Address

REFUSALS = frozenset({429, 503})
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

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


class Why(NamedTuple):
    """Why a call is not good: the kind of failure, and what was said."""

    kind: str
    words: str = ""


class Owner(Protocol):
    """Whom a connection tells how its call ended."""

    def settle(self, verdict: Verdict, why: Why | None = None) -> None:
        """The call in flight has ended; `why` explains any verdict but GOOD."""
        ...


def post(
    path: str, body: bytes, address: Address, headers: Mapping[str, str] = NO_HEADERS
) -> bytes:
    """A complete `POST` of a JSON body over keep-alive HTTP/1.1."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {address.authority}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii") + body


class Connection(asyncio.Protocol):
    """Used until it closes."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.call: Call | None = None
        self.body = b""
        self.open = False
        self.doom: Why | None = None

    def send(self, call: Call) -> None:
        """Write the call; its end is told to the owner, once."""
        assert self.transport is not None, "a client sends only when all are connected: a bug"  # noqa: S101
        self.call = call
        self.transport.write(call.request)

    def abort(self, why: Why | None = None) -> None:
        """Close at once; a call in flight has failed."""
        self.open = False
        self.doom = self.doom or why
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for a call."""
        # uvloop's transports do not inherit from asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.open = True

    def data_received(self, data: bytes) -> None:
        """Read on."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.abort(Why("not HTTP", str(error)))

    def connection_lost(self, error: Exception | None) -> None:
        """A call in flight has failed."""
        self.open = False
        self._settle(Verdict.FAILED, self.doom or Why("connection lost", str(error or "")))

    def on_body(self, body: bytes) -> None:
        """Hear a part of the reply from the parser."""
        self.body += body

    def on_message_complete(self) -> None:
        """Hear from the parser that the reply is complete."""
        body, self.body = self.body, b""
        status = self.parser.get_status_code()
        if not self.parser.should_keep_alive():
            self.abort()
        if status in REFUSALS:
            self._settle(Verdict.REFUSED, _said(str(status), body))
        elif status != 200:
            self._settle(Verdict.FAILED, _said(str(status), body))
        elif self.call is not None and not self.call.check(body):
            self._settle(Verdict.WRONG, _said("wrong", body))
        else:
            self._settle(Verdict.GOOD)

    def _settle(self, verdict: Verdict, why: Why | None = None) -> None:
        # No call: the reply was not asked for, or the text was settled before the line broke.
        if self.call is None:
            return
        self.call = None
        self.owner.settle(verdict, why)


def _said(kind: str, body: bytes) -> Why:
    return Why(kind, body.decode(errors="replace"))
