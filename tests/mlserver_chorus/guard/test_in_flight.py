import asyncio

import pytest
from mlserver.errors import MLServerError

from mlserver_chorus.guard.in_flight import InFlight


async def answer(in_flight: InFlight, done: asyncio.Event) -> str:
    with in_flight.answering():
        await done.wait()
        return "an answer"


async def test_who_is_answered_is_in_flight_no_more() -> None:
    in_flight, done = InFlight(), asyncio.Event()
    done.set()
    assert await answer(in_flight, done) == "an answer"
    assert in_flight.give_up() == 0


async def test_who_is_given_up_on_hears_it() -> None:
    in_flight, done = InFlight(), asyncio.Event()
    answering = [asyncio.create_task(answer(in_flight, done)) for _ in range(3)]
    await asyncio.sleep(0)
    assert in_flight.give_up() == 3
    for task in answering:
        with pytest.raises(MLServerError, match="shutting down") as refusal:
            await task
        assert refusal.value.status_code == 503
        assert not task.cancelled()


async def test_who_leaves_is_told_nothing() -> None:
    in_flight, done = InFlight(), asyncio.Event()
    task = asyncio.create_task(answer(in_flight, done))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert in_flight.give_up() == 0


async def test_who_fails_fails_as_before() -> None:
    in_flight = InFlight()

    async def fail() -> None:
        with in_flight.answering():
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await asyncio.create_task(fail())
    assert in_flight.give_up() == 0
