from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from chorus_gateway.errors import UpstreamTimeout
from chorus_gateway.routes.events import EventStream

SCOPE = {"type": "http", "asgi": {"spec_version": "2.4"}}


class Sent:
    """What a response sends, until the caller has gone."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bodies: list[bytes] = []
        self.messages = 0

    async def __call__(self, message: Any) -> None:
        self.messages += 1
        if self.messages > self.most:
            raise OSError
        self.bodies.append(message.get("body", b""))


async def receive() -> dict[str, str]:
    return {"type": "http.request"}


async def two(log: list[str], error: Exception | None = None) -> AsyncGenerator[bytes, None]:
    try:
        yield b"1"
        if error:
            raise error
        yield b"2"
    finally:
        log.append("source")


def stream(log: list[str], error: Exception | None = None) -> EventStream:
    place = AsyncExitStack()
    place.callback(log.append, "place")
    events = two(log, error)
    place.push_async_callback(events.aclose)
    return EventStream(events, place)


async def test_all_events_are_sent_and_then_the_place_is_free() -> None:
    log: list[str] = []
    sent = Sent(10)
    await stream(log)(SCOPE, receive, sent)
    assert b"".join(sent.bodies) == b"12"
    assert log == ["source", "place"]


@pytest.mark.parametrize("most", [1, 2])
async def test_the_source_is_closed_when_the_caller_is_gone(most: int) -> None:
    log: list[str] = []
    with pytest.raises(Exception):  # noqa: B017, PT011 # whatever the framework makes of it
        await stream(log)(SCOPE, receive, Sent(most))
    assert log == ["source", "place"]


async def test_the_place_is_free_even_if_nothing_could_be_sent() -> None:
    log: list[str] = []
    with pytest.raises(Exception):  # noqa: B017, PT011
        await stream(log)(SCOPE, receive, Sent(0))
    assert log[-1] == "place"


@pytest.mark.parametrize(
    ("error", "said"), [(UpstreamTimeout("what"), b"in time"), (ValueError("x"), b"internal error")]
)
async def test_an_error_is_an_event(error: Exception, said: bytes) -> None:
    log: list[str] = []
    sent = Sent(10)
    await stream(log, error)(SCOPE, receive, sent)
    assert said in b"".join(sent.bodies)
    assert log == ["source", "place"]
