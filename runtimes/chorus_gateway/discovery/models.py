"""Which models the servers of the cluster have: each is asked when it appears, and again and again.

A server that declares its models is believed; of one that does not answer, what it said last.
"""

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from chorus_gateway.discovery.servers import Servers
from chorus_gateway.errors import GatewayError
from chorus_gateway.outbound.text import Origin

KNOWN_SECONDS: Final = 10.0  # until a server that said what it has is asked again
UNKNOWN_SECONDS: Final = 1.0  # one that did not: its pods may be starting
AT_ONCE: Final = 8


class Listing(Protocol):
    """Asks a server for its models."""

    async def __call__(self, origin: Origin) -> list[str]:
        """Return the names of those that are ready. Raises GatewayError."""


class Models:
    """Keeps the models of `servers` up to date with what they say."""

    def __init__(self, servers: Servers, ask: Listing) -> None:
        self._servers = servers
        self._ask = ask
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._few = asyncio.Semaphore(AT_ONCE)

    def follow(self) -> None:
        """Ask those that are new, and leave those that are gone; called in the event loop."""
        there = self._servers.to_ask()
        for key in self._asking.keys() - there.keys():
            self._asking.pop(key).cancel()
        for key in there.keys() - self._asking.keys():
            self._asking[key] = asyncio.create_task(self._keep_asking(key))

    async def close(self) -> None:
        """Ask no more."""
        tasks = [*self._asking.values()]
        self._asking.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_asking(self, key: str) -> None:
        while True:
            origin = self._servers.to_ask().get(key)
            if origin is not None:
                with suppress(GatewayError):
                    async with self._few:
                        models = await self._ask(origin)
                    self._servers.found(key, origin, models)
            await asyncio.sleep(KNOWN_SECONDS if self._servers.is_known(key) else UNKNOWN_SECONDS)
