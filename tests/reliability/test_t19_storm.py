"""T19: five hundred callers leave at once; the next one is answered as if they had not come."""

from __future__ import annotations

import asyncio
from time import perf_counter

import pytest
from tests.conftest import Runtime
from tests.live.callers import Clients, clients_of, until
from tests.live.protocol import Answer, request, tensor
from tests.reliability.devices import ROWS, WAITING, assert_own, busy, counted, idle

MANY = 500
PATIENCE = 0.05
# The goal is 1 s; this machine may be busy with something else.
SECONDS = 5.0
DROPPED = "chorus_engine_dropped_texts_total"


def storm(clients: Clients, transport: str) -> list[asyncio.Task[Answer]]:
    ask = getattr(clients, transport)
    return [asyncio.create_task(ask(request(tensor([f"caller {n}"])), "left")) for n in range(MANY)]


async def leave(tasks: list[asyncio.Task[Answer]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
async def test_t19_after_a_storm_the_next_is_answered(faulty: Runtime, transport: str) -> None:
    async with clients_of(faulty) as clients:
        tasks = storm(clients, transport)
        await asyncio.sleep(PATIENCE)
        await leave(tasks)
        began = perf_counter()
        answer = await getattr(clients, transport)(request(tensor(["next"])), "left")
        seconds = perf_counter() - began
        assert_own(answer, "next")
        assert seconds < SECONDS
        await idle(faulty)
    print(f"{transport}: answered after {1000 * seconds:.0f} ms")  # noqa: T201


async def test_t19_who_left_the_line_is_not_computed(faulty: Runtime) -> None:
    """Nor do they take a place there: a line of 256 holds the next one too."""
    async with clients_of(faulty) as clients:
        rows, dropped = counted(faulty, ROWS), counted(faulty, DROPPED)
        async with busy(faulty, clients, 3):
            tasks = storm(clients, "grpc")
            await until(lambda: counted(faulty, WAITING) >= 200, "most of them in line")
            await leave(tasks)
            await until(lambda: counted(faulty, WAITING) == 0, "an empty line")
            next_one = asyncio.create_task(clients.rest(request(tensor(["next"])), "left"))
            await until(lambda: counted(faulty, WAITING) == 1, "the next one in line")
        assert_own(await next_one, "next")
    assert counted(faulty, ROWS) - rows == 2
    assert counted(faulty, DROPPED) - dropped >= 200
