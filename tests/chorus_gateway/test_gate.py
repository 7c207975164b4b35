from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from chorus_gateway.errors import BadInput, Busy, DeadlinePassed, Draining
from chorus_gateway.gate import Gate


class Caller:
    """A request whose body has been read; it ends when `left` is set."""

    def __init__(self, **said: str) -> None:
        headers = [(name.replace("_", "-").encode(), text.encode()) for name, text in said.items()]
        self.left = asyncio.Event()
        self.request = Request({"type": "http", "headers": headers}, self._receive)

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


async def test_no_more_than_so_many() -> None:
    gate, one = Gate(2, 60.0), Caller().request
    with gate.inside(one), gate.inside(one), pytest.raises(Busy), gate.inside(one):
        pass
    with gate.inside(one), gate.inside(one):
        pass


async def test_an_answer_and_an_error() -> None:
    gate, caller = Gate(1, 60.0), Caller()
    assert await gate.answer(caller.request, asyncio.sleep(0, "answer")) == "answer"

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await gate.answer(caller.request, fail())


async def test_work_ends_when_its_caller_leaves() -> None:
    gate, caller = Gate(1, 60.0), Caller()
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
    gate, caller = Gate(1, 60.0), Caller()
    answer = asyncio.create_task(gate.answer(caller.request, asyncio.Event().wait()))
    await asyncio.sleep(0)
    gate.close()
    with pytest.raises(Draining):
        await answer
    with pytest.raises(Draining), gate.inside(caller.request):
        pass


async def test_a_cancelled_answer_is_a_cancellation() -> None:
    gate, caller = Gate(1, 60.0), Caller()
    answer = asyncio.create_task(gate.answer(caller.request, asyncio.Event().wait()))
    await asyncio.sleep(0)
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer


async def test_events_pass_until_the_gate_closes() -> None:
    gate = Gate(1, 60.0)
    log: list[str] = []
    events = gate.guard(Caller().request, endless(log))
    assert await anext(events) == 1
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    gate.close()
    with pytest.raises(Draining):
        await waiting
    assert log == ["closed"]


async def test_closing_the_events_closes_their_source() -> None:
    log: list[str] = []
    events = Gate(1, 60.0).guard(Caller().request, endless(log))
    await anext(events)
    await events.aclose()
    assert log == ["closed"]


async def test_events_end_where_they_end() -> None:
    async def two() -> AsyncGenerator[int, None]:
        yield 1
        yield 2

    assert [event async for event in Gate(1, 60.0).guard(Caller().request, two())] == [1, 2]


async def test_a_caller_who_leaves_before_the_first_event_closes_the_source() -> None:
    gate, caller = Gate(1, 60.0), Caller()
    log: list[str] = []
    source = endless(log)
    await anext(source)
    events = gate.guard(caller.request, source)
    first = asyncio.create_task(gate.answer(caller.request, anext(events)))
    await asyncio.sleep(0.01)
    caller.left.set()
    with pytest.raises(ClientDisconnect):
        await first
    assert log == ["closed"]


def held(gate: Gate, places: ExitStack, caller: Caller) -> int:
    """How many more places the caller gets, all that it can."""
    count = 0
    while True:
        try:
            places.enter_context(gate.inside(caller.request))
        except Busy:
            return count
        count += 1


async def test_nobody_has_all_the_places_while_others_are_refused() -> None:
    gate = Gate(256, 60.0)
    greedy, modest, newcomer = (Caller(authorization=name) for name in ("g", "m", "n"))
    with ExitStack() as places:
        assert held(gate, places, greedy) == 224
        assert held(gate, places, modest) == 28
        assert held(gate, places, newcomer) > 0
        assert held(gate, places, greedy) == 0
    with ExitStack() as places:
        assert held(gate, places, newcomer) == 224, "all places are free again"


async def test_the_work_ends_at_the_deadline() -> None:
    gate, caller = Gate(1, 60.0), Caller(x_request_timeout_ms="10")
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with gate.inside(caller.request), pytest.raises(DeadlinePassed):
        await gate.answer(caller.request, work())
    assert cancelled.is_set()


async def test_the_events_end_at_the_deadline() -> None:
    gate, caller = Gate(1, 0.01), Caller(x_request_timeout="5")
    log: list[str] = []
    with gate.inside(caller.request):
        events = gate.guard(caller.request, endless(log))
        assert await anext(events) == 1
        with pytest.raises(DeadlinePassed):
            await anext(events)
    assert log == ["closed"]


async def test_a_wrong_time_takes_no_place() -> None:
    gate = Gate(1, 60.0)
    with pytest.raises(BadInput), gate.inside(Caller(x_request_timeout="soon").request):
        pass
    with gate.inside(Caller().request):
        pass
