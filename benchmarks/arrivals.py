"""An open loop whose rate changes and whose clients are limited, as the challenge has it.

Latency counts from the moment that sending was due. At most `clients` texts are in flight; one
that is due while every client is busy is dropped and counted, never sent late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from math import floor, sqrt
from time import perf_counter
from typing import NamedTuple

from chorus.load.address import Address
from chorus.load.client import Client
from chorus.load.clock import by_the_clock
from chorus.load.connection import Text
from chorus.load.crowd import LOOK_SECONDS, crowd
from chorus.load.tally import Meters, Report, Tally

CONNECT_SECONDS = 5.0


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


async def arrivals(
    address: Address,
    texts: Sequence[Text],
    *,
    times: Sequence[float],
    clients: int,
    timeout: float = 60.0,
    meters: Meters | None = None,
) -> Report:
    """Send one of `texts`, in order and over again, at each of `times`, in seconds from now.

    Reports on every text: the window closes when the last one that was sent has ended.
    """
    tally, never = Tally(meters or Meters()), asyncio.Event()
    idle: deque[Client] = deque()
    supply = cycle(texts)

    def send(due: float) -> None:
        if idle:
            idle.popleft().send(next(supply), due)
        else:
            tally.dropped += 1

    width = max(len(text) for text in texts)
    make = partial(Client, address, width, tally, idle.append, tally.fail)
    async with crowd(make, clients, tally, timeout) as members:
        give_up = perf_counter() + CONNECT_SECONDS
        while len(idle) < clients and perf_counter() < give_up:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        tally.open_window()
        await by_the_clock(times, send, never)
        await members.settled(never)
        return tally.close_window(clients)
