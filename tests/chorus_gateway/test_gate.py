from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from chorus_gateway.errors import Busy, Draining
from chorus_gateway.gate import Gate


class Caller:
    """A request whose body has been read; it ends when `left` is set."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.request = Request({"type": "http"}, self._receive)

    async def _receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}


async def endless(log: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
        await asyncio.Event().wait()
        yield 2
    finally:
        log.append("closed")


def test_no_more_than_so_many() -> None:
    gate = Gate(2)
    with gate.inside(), gate.inside(), pytest.raises(Busy), gate.inside():
        pass
    with gate.inside(), gate.inside():
        pass


async def test_an_answer_and_an_error() -> None:
    gate, caller = Gate(1), Caller()
    assert await gate.answer(caller.request, asyncio.sleep(0, "answer")) == "answer"

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await gate.answer(caller.request, fail())


async def test_work_ends_when_its_caller_leaves() -> None:
    gate, caller = Gate(1), Caller()
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    answer = asyncio.create_task(gate.answer(caller.request, work()))
    await asyncio.sleep(0)
    caller.left.set()
    with pytest.raises(ClientDisconnect):
        await answer
    assert cancelled.is_set()


async def test_closing_ends_the_work_and_lets_nobody_in() -> None:
    gate, caller = Gate(1), Caller()
    answer = asyncio.create_task(gate.answer(caller.request, asyncio.Event().wait()))
    await asyncio.sleep(0)
    gate.close()
    with pytest.raises(Draining):
        await answer
    with pytest.raises(Draining), gate.inside():
        pass


async def test_a_cancelled_answer_is_a_cancellation() -> None:
    gate, caller = Gate(1), Caller()
    answer = asyncio.create_task(gate.answer(caller.request, asyncio.Event().wait()))
    await asyncio.sleep(0)
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer


async def test_events_pass_until_the_gate_closes() -> None:
    gate = Gate(1)
    log: list[str] = []
    events = gate.guard(endless(log))
    assert await anext(events) == 1
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    gate.close()
    with pytest.raises(Draining):
        await waiting
    assert log == ["closed"]


async def test_closing_the_events_closes_their_source() -> None:
    log: list[str] = []
    events = Gate(1).guard(endless(log))
    await anext(events)
    await events.aclose()
    assert log == ["closed"]


async def test_events_end_where_they_end() -> None:
    async def two() -> AsyncGenerator[int, None]:
        yield 1
        yield 2

    assert [event async for event in Gate(1).guard(two())] == [1, 2]


async def test_a_caller_who_leaves_before_the_first_event_closes_the_source() -> None:
    gate, caller = Gate(1), Caller()
    log: list[str] = []
    source = endless(log)
    await anext(source)
    events = gate.guard(source)
    first = asyncio.create_task(gate.answer(caller.request, anext(events)))
    await asyncio.sleep(0.01)
    caller.left.set()
    with pytest.raises(ClientDisconnect):
        await first
    assert log == ["closed"]
