"""Callers who leave cost nobody else anything, and after a while nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.conftest import Runtime
from tests.live.callers import Caller, Clients, clients_of, until
from tests.live.protocol import Answer, request, tensor

IN_FLIGHT = "chorus_engine_texts_in_flight"
DROPPED = "chorus_engine_dropped_texts_total"
# Enough for the device to be busy while others come and go, and few enough for them to wait: with
# a hundred more they stay within the 256 texts that always may.
LONG_TEXTS = 150
LONG_WORK = request(tensor(["many words make a long text " * 70] * LONG_TEXTS))


@asynccontextmanager
async def busy(runtime: Runtime, clients: Clients) -> AsyncIterator[asyncio.Task[Answer]]:
    """The device works on something long, which nobody cancels, and which must end well."""
    await until(lambda: runtime.metric(IN_FLIGHT) == 0, "an idle server")
    work = asyncio.create_task(clients.grpc(LONG_WORK, "process"))
    await until(lambda: runtime.metric(IN_FLIGHT) >= LONG_TEXTS, "the long work's arrival")
    yield work
    assert (await work).status == 200


async def test_every_third_leaves_and_the_others_are_answered(runtime: Runtime) -> None:
    callers = [Caller.number(n) for n in range(100)]
    async with clients_of(runtime) as clients, busy(runtime, clients) as work:
        tasks = [
            asyncio.create_task(clients.either(n)(caller.asked, caller.model))
            for n, caller in enumerate(callers)
        ]
        await until(lambda: runtime.metric(IN_FLIGHT) >= LONG_TEXTS + len(callers), "all arrivals")
        assert not work.done(), "nobody waits: the work was too short for this test"
        leaving = tasks[::3]
        for task in leaving:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    for n, (caller, answer) in enumerate(zip(callers, answers, strict=True)):
        if n % 3:
            assert isinstance(answer, Answer), repr(answer)
            caller.check(answer)
        else:
            assert isinstance(answer, asyncio.CancelledError)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
async def test_after_200_who_left_the_next_is_answered(runtime: Runtime, transport: str) -> None:
    async with clients_of(runtime) as clients:
        ask = getattr(clients, transport)
        leaving = [
            asyncio.create_task(ask(Caller.number(n).asked, Caller.number(n).model))
            for n in range(200)
        ]
        await asyncio.sleep(0.02)  # their patience
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        caller = Caller.number(201)
        caller.check(await asyncio.wait_for(ask(caller.asked, caller.model), 5))


async def test_cancelled_texts_never_reach_the_device(runtime: Runtime) -> None:
    callers = [Caller.number(n) for n in range(60)]
    async with clients_of(runtime) as clients:
        before = runtime.metric(DROPPED)
        async with busy(runtime, clients) as work:
            tasks = [
                asyncio.create_task(clients.grpc(caller.asked, caller.model)) for caller in callers
            ]
            await until(
                lambda: runtime.metric(IN_FLIGHT) >= LONG_TEXTS + len(callers), "all arrivals"
            )
            assert not work.done(), "nobody waits: the work was too short for this test"
            for task in tasks:
                task.cancel()
        await until(
            lambda: runtime.metric(DROPPED) - before >= len(callers), "60 texts more dropped"
        )
        await until(lambda: runtime.metric(IN_FLIGHT) == 0, "nothing left in flight")
