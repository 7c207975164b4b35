"""A closed loop: C clients, each sends its next text when the last is answered."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from time import perf_counter

from benchmarks.load.client import Client, sweep
from benchmarks.load.connection import Text
from benchmarks.load.tally import Report, Tally


async def closed_loop(
    port: int,
    texts: Sequence[Text],
    *,
    clients: int,
    seconds: float,
    warmup: float = 3.0,
    timeout: float = 10.0,
    server_cpu: Callable[[], float] = lambda: 0.0,
) -> Report:
    """Send `texts`, in order and over again, and report on the texts that end in the window.

    The window opens after `warmup` and lasts `seconds`. A text without an answer after `timeout`
    seconds is an error. `server_cpu` is read at both edges of the window.
    """
    tally = Tally(server_cpu)
    supply = cycle(texts)

    def next_text(client: Client) -> None:
        if not tally.over:
            client.send(next(supply), perf_counter())

    width = max(len(text) for text in texts)
    async with crowd(port, clients, width, tally, next_text, timeout):
        await asyncio.sleep(warmup)
        tally.open_window()
        await asyncio.sleep(seconds)
        return tally.close_window(clients)


@asynccontextmanager
async def crowd(
    port: int,
    clients: int,
    width: int,
    tally: Tally,
    ready: Callable[[Client], None],
    timeout: float,
) -> AsyncIterator[list[Client]]:
    """Clients that connect, with `width` connections each, and are closed whatever happens."""
    members = [Client(port, width, tally, ready) for _ in range(clients)]
    # A pause of the collector would show as latency of the server.
    gc.collect()
    gc.disable()
    sweeper = asyncio.create_task(sweep(members, perf_counter, timeout))
    try:
        for client in members:
            client.connect()
        yield members
    finally:
        tally.over = True
        gc.enable()
        sweeper.cancel()
        for client in members:
            await client.close()
