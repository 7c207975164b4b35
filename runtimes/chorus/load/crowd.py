"""Clients that load a server together, and how to wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter

from chorus.load.client import Client, sweep
from chorus.load.tally import Tally

LOOK_SECONDS = 0.02
LAG_SECONDS = 0.01  # between looks at how late this process is itself


class Crowd:
    """Clients that connect when they are added."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self.members: list[Client] = []

    def add(self) -> None:
        """One more client."""
        client = self._make()
        self.members.append(client)
        client.connect()

    @property
    def is_busy(self) -> bool:
        """Whether any text is in flight."""
        return any(client.busy for client in self.members)

    async def settled(self, stop: asyncio.Event) -> None:
        """Wait until no text is in flight, or until `stop`."""
        while self.is_busy and not stop.is_set():
            await pause(LOOK_SECONDS, stop)


@asynccontextmanager
async def crowd(
    make: Callable[[], Client], clients: int, tally: Tally, timeout: float
) -> AsyncIterator[Crowd]:
    """So many clients to begin with, which give up a text after `timeout` seconds.

    All are closed whatever happens.
    """
    made = Crowd(make)
    # A pause of the collector would show as latency of the server.
    gc.collect()
    gc.disable()
    tasks = [
        asyncio.create_task(sweep(made.members, perf_counter, timeout)),
        asyncio.create_task(_note_lags(tally)),
    ]
    try:
        for _ in range(clients):
            made.add()
        yield made
    finally:
        tally.over = True
        gc.enable()
        for task in tasks:
            task.cancel()
        for client in made.members:
            await client.close()


async def _note_lags(tally: Tally) -> None:
    while True:
        due = perf_counter() + LAG_SECONDS
        await asyncio.sleep(LAG_SECONDS)
        tally.lagged(max(0.0, perf_counter() - due))


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Wait so long, or until `stop`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
