"""A client: at most one text in flight, all of its calls at once, each on its own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.load.connection import HOST, Connection, Text, Verdict
from benchmarks.load.tally import Tally

RECONNECT_SECONDS = 0.05
SWEEP_SECONDS = 0.25


class Client:
    """Sends the texts it is given; `ready` is called whenever it can take the next one."""

    def __init__(
        self, port: int, width: int, tally: Tally, ready: Callable[[Client], None]
    ) -> None:
        self._port = port
        self._tally = tally
        self._ready = ready
        self._connections = [Connection(self) for _ in range(width)]
        self._connecting: asyncio.Task[None] | None = None
        self._started = 0.0
        self._pending = 0
        self._verdict = Verdict.GOOD

    def send(self, text: Text, started: float) -> None:
        """Send a text whose latency counts from `started`, on the clock of `perf_counter`."""
        self._verdict = Verdict.GOOD
        self._pending = len(text)
        self._started = started
        for connection, call in zip(self._connections, text, strict=False):
            connection.send(call)

    def settle(self, verdict: Verdict, why: str) -> None:
        """A connection's call has ended; the last one ends the text."""
        if verdict is not Verdict.GOOD:
            self._tally.explain(why)
        self._verdict = max(verdict, self._verdict)
        self._pending -= 1
        if not self._pending:
            self._tally.record(self._verdict, self._started)
            self.connect()

    def connect(self) -> None:
        """Be ready, at once if every connection is open, else when it is."""
        if all(connection.open for connection in self._connections):
            self._ready(self)
        elif not self._tally.over:
            self._connecting = asyncio.create_task(self._connect())

    def expire(self, before: float, why: str) -> None:
        """Give up a text that was sent before the given moment."""
        if self._pending and self._started < before:
            for connection in self._connections:
                connection.abort(why)

    async def close(self) -> None:
        """Give up what is in flight and close every connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        for connection in self._connections:
            connection.abort()

    @property
    def busy(self) -> bool:
        """Whether a text is in flight."""
        return self._pending > 0

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        if self._verdict is Verdict.FAILED:
            # A server that drops connections must not keep this process busy reconnecting.
            await asyncio.sleep(RECONNECT_SECONDS)
        for slot, connection in enumerate(self._connections):
            while not connection.open:
                try:
                    _, connection = await loop.create_connection(
                        partial(Connection, self), HOST, self._port
                    )
                    self._connections[slot] = connection
                except OSError as error:
                    self._tally.explain(f"cannot connect: {error}")
                    self._tally.unreachable()
                    await asyncio.sleep(RECONNECT_SECONDS)
        self._ready(self)


async def sweep(crowd: Sequence[Client], clock: Callable[[], float], timeout: float) -> None:
    """Give up texts without an answer after `timeout` seconds, for ever."""
    # One look at all clients now and then costs less than a timer for every text.
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        before = clock() - timeout
        for client in crowd:
            client.expire(before, f"no reply in {timeout:g} s")
