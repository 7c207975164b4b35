"""A closed loop: C clients, each sends its next text when the last is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from time import perf_counter

from chorus.load.address import Address
from chorus.load.client import Client
from chorus.load.connection import Text
from chorus.load.crowd import crowd, pause
from chorus.load.tally import Meters, Report, Tally


async def closed_loop(
    address: Address,
    texts: Sequence[Text],
    *,
    clients: int,
    seconds: float,
    warmup: float = 3.0,
    timeout: float = 10.0,
    meters: Meters | None = None,
    tally: Tally | None = None,
    stop: asyncio.Event | None = None,
) -> Report:
    """Send `texts`, in order and over again, and report on the texts that end in the window.

    The window opens after `warmup` and lasts `seconds`, or until `stop`. Then no more is sent, and
    what is in flight is waited for: a server that has stopped answering shows in the latencies. A
    text without an answer after `timeout` seconds is an error. The meters are read at both edges
    of the window; a `tally` that is given can be watched meanwhile.
    """
    tally = tally or Tally(meters or Meters())
    stop = stop or asyncio.Event()
    supply = cycle(texts)
    is_closing = False

    def next_text(client: Client) -> None:
        if not is_closing:
            client.send(next(supply), perf_counter())

    width = max(len(text) for text in texts)
    make = partial(Client, address, width, tally, next_text, tally.fail)
    async with crowd(make, clients, tally, timeout) as members:
        await pause(warmup, stop)
        tally.open_window()
        await pause(seconds, stop)
        is_closing = True
        tally.stop_clock()
        await members.settled(stop)
        return tally.close_window(clients)
