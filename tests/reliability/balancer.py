"""A load balancer that does what a Kubernetes Service does: connections go round those ready.

A connection stays where it is, ready or not, until one side closes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self

import aiohttp

POLL_SECONDS = 0.1
CHUNK = 1 << 16


class Balancer:
    """Listens on a port of its own, for instances on these; `async with` runs it.

    `probes` says where each tells whether it is ready, if that is not a gateway's own answer.
    """

    def __init__(self, ports: Sequence[int], probes: Mapping[int, str] | None = None) -> None:
        self._ports = list(ports)
        self._probes = probes or {port: f"http://127.0.0.1:{port}/readyz" for port in ports}
        self._ready: set[int] = set()
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = dict.fromkeys(ports, 0)
        """How many each has got."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        for port in self._ports:
            self._keep(asyncio.create_task(self._poll(port)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def until(self, port: int, *, ready: bool) -> None:
        """Wait until it takes an instance for ready, or for not ready."""
        while (port in self._ready) is not ready:
            await asyncio.sleep(POLL_SECONDS / 4)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _poll(self, port: int) -> None:
        # To be late is not to be unready: on a busy machine everybody is late at times.
        timeout = aiohttp.ClientTimeout(total=50 * POLL_SECONDS)
        # A connection per probe, as the kubelet makes: it must not be what keeps one open.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            while True:
                ready = False
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(self._probes[port]) as response:
                        ready = response.status == 200
                (self._ready.add if ready else self._ready.discard)(port)
                await asyncio.sleep(POLL_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        for port in self._next():
            with suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", port)
                self.connections[port] += 1
                break
        else:
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()
            writer.close()

    def _next(self) -> list[int]:
        """The ready ones, whose turn it is first."""
        ready = [port for port in self._ports if port in self._ready]
        self._turn += 1
        start = self._turn % len(ready) if ready else 0
        return ready[start:] + ready[:start]


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """One direction, until its end, which is passed on too."""
    with suppress(ConnectionError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    with suppress(OSError, RuntimeError):  # the other side has closed the connection already
        target.write_eof()
