"""An open loop: texts arrive by the clock, whether or not the server keeps up.

Latency counts from the moment that sending was due. At most `clients` texts are in flight; one
that is due while every client is busy is dropped and counted, never sent late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle
from math import floor, inf, sqrt
from time import perf_counter
from typing import NamedTuple

from benchmarks.load.client import Client
from benchmarks.load.closed import crowd
from benchmarks.load.connection import Text
from benchmarks.load.tally import Report, Tally

CONNECT_SECONDS = 5.0
LOOK_SECONDS = 0.02
READ_SECONDS = 0.0005  # a turn of the loop per text would cost the generator more than the text


class Ramp(NamedTuple):
    """The rate goes in a straight line from where it was to `rate` texts/s, in `seconds`."""

    seconds: float
    rate: float


def arrival_times(start_rate: float, ramps: Sequence[Ramp]) -> list[float]:
    """When each text is due, in seconds: the moments at which the rate's integral is 1, 2, 3, …"""
    times = []
    begin, count, rate = 0.0, 0.0, start_rate
    for ramp in ramps:
        growth = (ramp.rate - rate) / ramp.seconds
        end = count + (rate + ramp.rate) / 2 * ramp.seconds
        # A text that is due at the very end must not be lost to rounding.
        last = floor(end + 1e-9)
        first = floor(count + 1e-9) + 1
        times += [begin + _reach(n - count, rate, growth) for n in range(first, last + 1)]
        begin, count, rate = begin + ramp.seconds, end, ramp.rate
    return times


def _reach(area: float, rate: float, growth: float) -> float:
    """Seconds until `rate` texts/s, growing by `growth` texts/s², add up to `area` texts."""
    # The form of the quadratic's root that does not cancel where the growth is small or nothing.
    return 2 * area / (rate + sqrt(max(rate * rate + 2 * growth * area, 0.0)))


async def open_loop(
    port: int,
    texts: Sequence[Text],
    *,
    times: Sequence[float],
    clients: int,
    timeout: float = 60.0,
    server_cpu: Callable[[], float] = lambda: 0.0,
) -> Report:
    """Send one of `texts`, in order and over again, at each of `times`, in seconds from now.

    Reports on every text: the window closes when the last one that was sent has ended.
    """
    tally = Tally(server_cpu)
    idle: deque[Client] = deque()
    supply = cycle(texts)
    width = max(len(text) for text in texts)
    async with crowd(port, clients, width, tally, idle.append, timeout) as members:
        await _until(lambda: len(idle) == clients, CONNECT_SECONDS)
        tally.open_window()
        begin = read = perf_counter()
        for time in times:
            due = begin + time
            if perf_counter() - read > READ_SECONDS:  # replies, even when the schedule is behind
                await asyncio.sleep(0)
                read = perf_counter()
            while (early := due - perf_counter()) > 0:  # the clock is no event
                await asyncio.sleep(early)
                read = perf_counter()
            if idle:
                idle.popleft().send(next(supply), due)
            else:
                tally.dropped += 1
        await _until(lambda: not any(client.busy for client in members))
        return tally.close_window(clients)


async def _until(done: Callable[[], bool], seconds: float = inf) -> None:
    """Wait for something that is looked at, not told; at most so many seconds."""
    deadline = perf_counter() + seconds
    while not done() and perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_SECONDS)
