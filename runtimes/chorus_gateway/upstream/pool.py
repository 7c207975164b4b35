"""Our own model servers as one: a call goes to the one with the least in flight.

One that does not answer gets no calls until it is found to serve again; the call that found out
goes to another.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from chorus_gateway.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from chorus_gateway.upstream.breaker import Breaker
from chorus_gateway.upstream.faults import cut_before_answering, never_sent
from chorus_gateway.upstream.server import Server, gone, next_server
from chorus_gateway.upstream.transport import Reply, Transport

PROBE_SECONDS = 0.25  # how long a server that is back waits for its first call, at most


class OwnServer(Server):
    """A server of ours, with the connections to it."""

    def __init__(self, url: str, transport: Transport, breaker: Breaker, patience: float) -> None:
        super().__init__(url, breaker, patience)
        self.transport = transport


class Pool(Transport):
    """A transport over one or several; `probe` is a path that is answered with 200 by who serves.

    Their breakers are closed by the probe alone: no caller's request is spent on a trial.
    """

    def __init__(self, servers: Sequence[OwnServer], probe: str, probe_timeout: float) -> None:
        self._servers = servers
        self._probe = probe
        self._probe_timeout = probe_timeout
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether any server may be called."""
        return any(not server.breaker.is_open for server in self._servers)

    async def open(self) -> None:
        """Open every transport and start to look for servers that are back."""
        for server in self._servers:
            await server.transport.open()
        self._watch = asyncio.create_task(self._look_for_the_missing())

    async def close(self) -> None:
        """Close every transport."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for server in self._servers:
            await server.transport.close()

    async def request(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Send one request. Raises UpstreamUnavailable, UpstreamTimeout, UpstreamInvalid."""
        if method == "GET":
            return await self._ask_any(path, timeout)
        return await self._call(method, path, body, timeout)

    def choose(self) -> OwnServer:
        """Return the least busy of those that may be called. Raises UpstreamUnavailable."""
        return self._least_busy(self._servers)

    def another(self, server: Server) -> OwnServer | None:
        """Return the least busy but for this one, None if there is none."""
        with suppress(UpstreamUnavailable):
            return self._least_busy([other for other in self._servers if other is not server])
        return None

    async def _call(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Call the least busy; once more what was never sent, cut off, or refused by a busy one.

        A text may then be computed twice, and answered once.
        """
        until = time.monotonic() + timeout
        first = self.choose()
        try:
            reply = await self._send(first, method, path, body, timeout)
        except UpstreamError as error:
            if not (never_sent(error) or cut_before_answering(error)):
                raise
            second = await next_server(first, self.another(first), error)
            return await self._send(second, method, path, body, until - time.monotonic())
        if reply.status == 503 and (other := self.another(first)):
            with suppress(UpstreamUnavailable):
                return await self._send(other, method, path, body, until - time.monotonic())
        return reply

    async def _ask_any(self, path: str, timeout: float) -> Reply:
        """The first 200 of any server that may be called, else what the last one said.

        To ask how a server is, is no call: what comes of it is for who asks.
        """
        reply: Reply | None = None
        for server in self._servers:
            if not server.breaker.is_open:
                with suppress(UpstreamError):
                    reply = await server.transport.request("GET", path, None, timeout)
                    if reply.status == 200:
                        return reply
        if reply is None:
            raise gone("no model server answers")
        return reply

    async def _send(
        self, server: OwnServer, method: str, path: str, body: bytes | None, timeout: float
    ) -> Reply:
        with server.call(timeout):
            if timeout <= 0:
                raise UpstreamTimeout("no time is left for a second call")
            return await server.transport.request(method, path, body, timeout)

    def _least_busy(self, servers: Sequence[OwnServer]) -> OwnServer:
        candidates = [server for server in servers if not server.breaker.is_open]
        if not candidates:
            raise gone("no model server is up")
        return min(candidates, key=lambda server: server.in_flight)

    async def _look_for_the_missing(self) -> None:
        while True:
            missing = [server for server in self._servers if server.breaker.is_open]
            await asyncio.gather(*map(self._look_at, missing))
            await asyncio.sleep(PROBE_SECONDS)

    async def _look_at(self, server: OwnServer) -> None:
        with suppress(UpstreamError):
            reply = await server.transport.request("GET", self._probe, None, self._probe_timeout)
            if self._serves(reply):
                server.breaker.worked()

    def _serves(self, reply: Reply) -> bool:
        """Whether a server may be called; the only one may also say itself what it does not do."""
        return reply.status == 200 or (len(self._servers) == 1 and reply.status < 500)
