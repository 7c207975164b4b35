"""A request as the guard has received it: its body read, unpacked and within its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.types import Message, Receive, Scope

KEY: Final = "chorus.received"

# What no longer holds once a body is unpacked and its type known.
_REPLACED: Final = {b"content-type", b"content-encoding", b"content-length", b"transfer-encoding"}


@dataclass(frozen=True)
class Received:
    """What is left to understand."""

    headers: dict[str, str]
    """By lower-case name; of several alike, the first."""
    body: bytes
    """The JSON, or nothing."""
    raw: memoryview | None = None
    """The tensors behind it, of who speaks the binary tensor data extension."""


def headers_of(scope: Scope) -> dict[str, str]:
    """A request's headers by lower-case name; of several alike, the first."""
    return {
        name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"][::-1]
    }


def as_plain_json(scope: Scope, received: Received) -> Scope:
    """The request as it would have come from somebody who says all and packs nothing."""
    headers = [pair for pair in scope["headers"] if pair[0] not in _REPLACED]
    headers += [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(received.body)),
    ]
    return {**scope, "headers": headers}


def again(received: Received, receive: Receive) -> Receive:
    """Give the body once more, and after it whatever happens to the connection."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": received.body, "more_body": False}

    return receive_again
