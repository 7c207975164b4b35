"""A client: at most one text in flight, all of its calls at once, each on its own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from chorus.load.address import Address
from chorus.load.connection import Connection, Text, Verdict, Why
from chorus.load.tally import Tally

RECONNECT_SECONDS = 0.05
SWEEP_SECONDS = 0.25


class Client:
    """Sends the texts it is given.

    `ready` is called whenever it can take the next one, `unreachable` whenever it cannot connect.
    """

    def __init__(
        self,
        address: Address,
        width: int,
        tally: Tally,
        ready: Callable[[Client], None],
        unreachable: Callable[[Why], None],
    ) -> None:
        self._address = address
        self._tally = tally
        self._ready = ready
        self._unreachable = unreachable
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

    def settle(self, verdict: Verdict, why: Why | None = None) -> None:
        """A connection's call has ended; the last one ends the text."""
        if why is not None:
            self._tally.explain(why)
        self._verdict = max(verdict, self._verdict)
        self._pending -= 1
        if not self._pending:
            self._tally.record(self._verdict, self._started)
            self.connect()

    def connect(self) -> None:
        """Be ready, at once if every connection is open, else when it is."""
        if self.connected:
            self._ready(self)
        elif not self._tally.over:
            self._connecting = asyncio.create_task(self._connect())

    def expire(self, before: float, why: Why) -> None:
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

    @property
    def connected(self) -> bool:
        """Whether every connection is open: a server may have closed one that was idle."""
        return all(connection.open for connection in self._connections)

    async def _connect(self) -> None:
        if self._verdict is Verdict.FAILED:
            # A server that drops connections must not keep this process busy reconnecting.
            await asyncio.sleep(RECONNECT_SECONDS)
        for slot, connection in enumerate(self._connections):
            while not connection.open:
                try:
                    connection = self._connections[slot] = await self._connected()
                except OSError as error:  # of TLS too
                    self._unreachable(Why("cannot connect", error.strerror or str(error)))
                    await asyncio.sleep(RECONNECT_SECONDS)
        self._ready(self)

    async def _connected(self) -> Connection:
        to = self._address
        name = to.host if to.tls else None
        _, connection = await asyncio.get_running_loop().create_connection(
            partial(Connection, self), to.host, to.port, ssl=to.tls, server_hostname=name
        )
        return connection


async def sweep(crowd: Sequence[Client], clock: Callable[[], float], timeout: float) -> None:
    """Give up texts without an answer after `timeout` seconds, for ever."""
    # One look at all clients now and then costs less than a timer for every text.
    why = Why(f"no reply in {timeout:g} s")
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        before = clock() - timeout
        for client in crowd:
            client.expire(before, why)
