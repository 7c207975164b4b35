"""Sending one request to one of our own servers, or to a server of the caller's choice.

It is sent a second time only where the first cannot have run, or was refused by a busy one.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import aiohttp

from chorus_gateway.errors import (
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from chorus_gateway.upstream.arriving import read_reply
from chorus_gateway.upstream.deployed_url import Origin
from chorus_gateway.upstream.faults import cut_before_answering, in_our_words, never_sent
from chorus_gateway.upstream.foreign import ForeignServers
from chorus_gateway.upstream.http_transport import open_session
from chorus_gateway.upstream.pool import Pool
from chorus_gateway.upstream.server import Server, next_server
from chorus_gateway.upstream.transport import Reply

HOP: Final = "x-chorus-hop"
PASSED_ON: Final = {
    "x-request-id": "x-request-id",
    "x-amzn-trace-id": "x-request-id",  # what Hugging Face's client calls it
    "traceparent": "traceparent",
}
LONGEST_PASSED_ON: Final = 128  # characters; ids are of 36, traces of 55

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """What to send where, to our own servers where there is no origin; and how long to wait.

    In seconds: `total` for all of the answer, `between` for its head and from part to part.
    """

    method: str
    origin: Origin | None
    path: str
    body: bytes | None = None
    headers: Headers | None = None
    total: float = math.inf
    between: float = math.inf


@dataclass
class Attempt:
    """One sending; aiohttp says whether its connection was used before."""

    server: Server
    reused: bool = False

    def may_be_repeated(self, error: UpstreamError) -> bool:
        """Whether nothing can have run: there was no connection, or one that was left for dead."""
        return never_sent(error) or (self.reused and cut_before_answering(error))


class Sender:
    """One session for all servers: `own` and `foreign` ones."""

    def __init__(
        self, own: Pool, foreign: ForeignServers, connect_timeout: float, max_answer_bytes: int
    ) -> None:
        self._own = own
        self._foreign = foreign
        self._connect_timeout = connect_timeout
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session; called once, in the event loop."""
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        self._session = open_session({"user-agent": "chorus", HOP: "1"}, [trace])

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def sent(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the answer, whatever its status.

        Raises UpstreamTimeout, UpstreamInvalid, and where there is no answer UpstreamUnavailable
        of our own servers, UpstreamUnreachable of others.
        """
        try:
            async with AsyncExitStack() as held:
                response = await self._answered(request, held)
                with in_our_words():  # what becomes of the body is what its server did
                    yield response
        except UpstreamTimeout:
            raise
        except UpstreamUnavailable as error:
            if request.origin is None:
                raise
            raise UpstreamUnreachable(str(error)) from error

    async def read(self, response: aiohttp.ClientResponse) -> Reply:
        """Read an answer up to the limit. Raises UpstreamInvalid, errors of aiohttp."""
        return await read_reply(response, self._max_answer_bytes)

    async def _answered(self, request: Request, held: AsyncExitStack) -> aiohttp.ClientResponse:
        """Send the request, to another server if need be; `held` gets what has to be let go."""
        start = time.monotonic()
        first = Attempt(self._choose(request.origin))
        try:
            async with AsyncExitStack() as once:
                response = await self._send(request, first, 0, once)
                other = self._another(request.origin, first.server)
                if response.status != 503 or other is None:
                    held.push_async_exit(once.pop_all())
                    return response
        except UpstreamError as error:
            if not first.may_be_repeated(error):
                raise
            other = self._another(request.origin, first.server)
            other = await next_server(first.server, other, error)
        return await self._send(request, Attempt(other), time.monotonic() - start, held)

    async def _send(
        self, request: Request, attempt: Attempt, spent: float, held: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Send the request once, and wait for the head of the answer."""
        if self._session is None:
            raise RuntimeError("this is a bug: open() comes first")
        total = request.total - spent
        timeout = aiohttp.ClientTimeout(
            total=_finite(total),
            sock_read=_finite(request.between),
            sock_connect=self._connect_timeout,
        )
        seconds = min(total, request.between)
        held.enter_context(attempt.server.call(seconds))
        with in_our_words():
            async with asyncio.timeout(seconds):  # whatever comes that is not the head
                response = await self._session.request(
                    request.method,
                    attempt.server.url + request.path,
                    data=request.body,
                    headers=request.headers,
                    timeout=timeout,
                    allow_redirects=False,
                    trace_request_ctx=attempt,
                )
        if request.total == math.inf:
            attempt.server.breaker.worked()  # a stream takes minutes, and its caller may leave it
        return await held.enter_async_context(response)

    def _choose(self, origin: Origin | None) -> Server:
        return self._foreign.choose(origin) if origin else self._own.choose()

    def _another(self, origin: Origin | None, server: Server) -> Server | None:
        return None if origin else self._own.another(server)


async def _note_reuse(
    _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.reused = True


def _finite(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None


def passed_on(headers: Headers) -> dict[str, str]:
    """What of a caller's headers goes on to the model server: who asks, for logs and traces."""
    found = {PASSED_ON[name]: headers[name] for name in reversed(PASSED_ON) if name in headers}
    return {
        name: value
        for name, value in found.items()
        if len(value) <= LONGEST_PASSED_ON and value.isascii() and value.isprintable()
    }
