"""An open loop: texts arrive by the clock, whether or not the server keeps up.

Latency counts from the moment that sending was due: while a server stalls, texts go on arriving,
and each of them waits. A closed loop would wait with the server, and never ask.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle
from math import ceil
from time import perf_counter
from typing import NamedTuple

from chorus.load.address import Address
from chorus.load.client import Client
from chorus.load.clock import by_the_clock
from chorus.load.connection import Text, Why
from chorus.load.crowd import LOOK_SECONDS, Crowd, crowd, pause
from chorus.load.tally import Meters, Report, Tally


async def open_loop(
    address: Address,
    texts: Sequence[Text],
    *,
    rate: float,
    clients: int,
    seconds: float,
    warmup: float = 2.0,
    timeout: float = 60.0,
    tally: Tally | None = None,
    stop: asyncio.Event | None = None,
) -> Report:
    """Send `rate` of `texts` a second, in order and over again, for `seconds` or until `stop`.

    Each is sent as soon as one of at most `clients` can. The report counts every text that was due
    in the window, which closes after `seconds`, and not before the last of them has ended. One that
    found no client, or no answer, within `timeout` seconds is an error. What is sent during
    `warmup` is not counted.
    """
    tally = tally or Tally(Meters())
    stop = stop or asyncio.Event()
    supply = cycle(texts)
    line = Line(clients, tally, timeout)
    width = max(len(text) for text in texts)
    make = partial(Client, address, width, tally, line.ready, line.unreachable)

    async with crowd(make, 0, tally, timeout) as members:

        def send(due: float) -> None:
            line.enter(next(supply), due, members)

        for window in (warmup, seconds):
            tally.open_window()
            end = perf_counter() + window
            await by_the_clock(_evenly(rate, window), send, stop)
            await line.settled(members, stop)
            await pause(max(end - perf_counter(), 0), stop)  # or the rate would be flattered
        return tally.close_window(clients)


class Line:
    """Texts that are due, and the clients that take them, the oldest text first.

    A client is added for a text that finds none idle, up to `most`; then texts wait.
    """

    def __init__(self, most: int, tally: Tally, timeout: float) -> None:
        self._most = most
        self._tally = tally
        self._timeout = timeout
        self._waiting: deque[_Waiting] = deque()
        self._idle: list[Client] = []  # who was last busy is first again: few stay connected

    def enter(self, text: Text, due: float, members: Crowd) -> None:
        """Send a text as soon as there is a client for it."""
        self._waiting.append(_Waiting(text, due))
        if self._idle:
            client = self._idle.pop()
            client.connect()  # which it is, unless the server has closed it meanwhile
        elif len(members.members) < self._most:
            members.add()
        else:
            self._tally.late += 1

    def ready(self, client: Client) -> None:
        """Give a client the text that has waited longest."""
        while self._waiting:
            text, due = self._waiting.popleft()
            if perf_counter() - due < self._timeout:
                client.send(text, due)
                return
            self._tally.fail(Why(f"not sent within {self._timeout:g} s", "all clients were busy"))
        self._idle.append(client)

    def unreachable(self, why: Why) -> None:
        """The text that has waited longest is lost: no server was there to take it."""
        if self._waiting:
            self._waiting.popleft()
            self._tally.fail(why)

    async def settled(self, members: Crowd, stop: asyncio.Event) -> None:
        """Wait until every text has ended, or until `stop`."""
        while (self._waiting or members.is_busy) and not stop.is_set():
            await pause(LOOK_SECONDS, stop)


class _Waiting(NamedTuple):
    text: Text
    due: float


def _evenly(rate: float, seconds: float) -> Iterator[float]:
    """When each text is due, in seconds: at the same distance from each other."""
    return (number / rate for number in range(ceil(rate * seconds - 1e-9)))
