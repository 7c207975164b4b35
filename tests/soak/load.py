"""How the clients come: as fast as they are answered to find the capacity, then by the clock."""

from __future__ import annotations

import asyncio
from random import Random
from time import perf_counter

import aiohttp
import grpc
from tests.soak.mix import Kind, someone
from tests.soak.tally import Tally
from tests.soak.target import Outcome, Target

CALLERS = 16
"""Enough to keep the device busy while answers are on their way."""
MOST_IN_FLIGHT = 64
"""Far fewer than may wait in a queue: on a slow machine requests come late, and none is refused."""


async def capacity(target: Target, seconds: float, random: Random) -> float:
    """Requests per second of a closed loop of the same clients."""
    tally = Tally()
    end = perf_counter() + seconds

    async def caller() -> None:
        while perf_counter() < end:
            await _ask(target, someone(random), random, tally, 0.0)

    begin = perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return tally.requests / (perf_counter() - begin)


async def open_loop(
    target: Target, rate: float, seconds: float, random: Random, tally: Tally
) -> None:
    """Send requests at random moments, `rate` a second on average; return when all have ended.

    A request that is due while MOST_IN_FLIGHT are on their way is skipped and counted.
    """
    begin = perf_counter()
    due = 0.0
    under_way: set[asyncio.Task[None]] = set()
    while (due := due + random.expovariate(rate)) < seconds:
        await asyncio.sleep(max(0.0, due - (perf_counter() - begin)))
        if len(under_way) >= MOST_IN_FLIGHT:
            tally.skipped += 1
            continue
        task = asyncio.create_task(_ask(target, someone(random), random, tally, begin))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


async def _ask(target: Target, kind: Kind, random: Random, tally: Tally, begin: float) -> None:
    sent = perf_counter() - begin
    try:
        outcome = await kind.ask(target, random)
    except (aiohttp.ClientError, grpc.RpcError, OSError, TimeoutError, ValueError) as error:
        outcome = Outcome(type(error).__name__, False, error=str(error))
    tally.record(kind, outcome, sent, perf_counter() - begin)
