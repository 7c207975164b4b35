"""Several model servers as one: a call goes to the one with the least in flight.

One that does not answer gets no calls until all that it is asked for is ready again; the call that
found out goes to another.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from chorus_gateway.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from chorus_gateway.upstream.transport import Reply, Transport

logger = logging.getLogger(__name__)

PROBE_SECONDS = 0.5  # how long a server that is back waits for its first call, at most


class Server:
    """One model server and what is known of it."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.name = name
        self.transport = transport
        self.in_flight = 0
        self.is_up = False


class Pool(Transport):
    """A transport over several; `probe` is a path that a server answers with 200 when it serves."""

    def __init__(self, servers: Sequence[Server], probe: str, probe_timeout: float) -> None:
        self._servers = servers
        self._probe = probe
        self._probe_timeout = probe_timeout
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open every transport and start to look for servers that are up."""
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
        """Send one request. Raises UpstreamUnavailable, UpstreamTimeout, UpstreamFailed."""
        if method == "GET":
            return await self._ask_any(path, timeout)
        return await self._call_one(method, path, body, timeout)

    @contextmanager
    def lease(self) -> Iterator[str]:
        """Choose the least busy, which is the busier for it until the call is over."""
        server = self._least_busy(())
        with self._using(server), server.transport.lease() as url:
            yield url

    async def _call_one(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Call the least busy; once more, elsewhere, what was cut off or refused for being busy.

        A text may then be computed twice, and answered once.
        """
        first = self._least_busy(())
        try:
            reply = await self._send(first, method, path, body, timeout)
        except UpstreamTimeout:
            raise
        except UpstreamUnavailable:
            return await self._send(self._least_busy((first,)), method, path, body, timeout)
        if reply.status == 503:
            with suppress(UpstreamUnavailable):
                return await self._send(self._least_busy((first,)), method, path, body, timeout)
        return reply

    async def _ask_any(self, path: str, timeout: float) -> Reply:
        """The first 200 of any server, those that are up first; else what the last one said."""
        reply: Reply | None = None
        for server in sorted(self._servers, key=lambda server: not server.is_up):
            with suppress(UpstreamError):
                reply = await server.transport.request("GET", path, None, timeout)
                if reply.status == 200:
                    if path == self._probe:  # who is told "ready" may call at once
                        self._put_in(server)
                    return reply
        if reply is None:
            raise UpstreamUnavailable("no model server answers")
        return reply

    async def _send(
        self, server: Server, method: str, path: str, body: bytes | None, timeout: float
    ) -> Reply:
        with self._using(server):
            return await server.transport.request(method, path, body, timeout)

    @contextmanager
    def _using(self, server: Server) -> Iterator[None]:
        server.in_flight += 1
        try:
            yield
        except UpstreamTimeout:
            raise
        except UpstreamUnavailable:
            self._take_out(server)
            raise
        finally:
            server.in_flight -= 1

    def _least_busy(self, without: Sequence[Server]) -> Server:
        candidates = [s for s in self._servers if s.is_up and s not in without]
        if not candidates:
            raise UpstreamUnavailable("no model server is up")
        return min(candidates, key=lambda server: server.in_flight)

    def _put_in(self, server: Server) -> None:
        if not server.is_up:
            server.is_up = True
            logger.info("model server %s is up", server.name)

    def _take_out(self, server: Server) -> None:
        if server.is_up:
            server.is_up = False
            logger.warning("model server %s is gone", server.name)

    async def _look_for_the_missing(self) -> None:
        while True:
            missing = [server for server in self._servers if not server.is_up]
            await asyncio.gather(*map(self._look_at, missing))
            await asyncio.sleep(PROBE_SECONDS)

    async def _look_at(self, server: Server) -> None:
        with suppress(UpstreamError):
            reply = await server.transport.request("GET", self._probe, None, self._probe_timeout)
            if reply.status == 200:
                self._put_in(server)
