"""Sending one request to one of our own servers, or to a server of the caller's choice.

It is sent a second time only where the first cannot have run, or was refused by a busy one.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from types import SimpleNamespace

import aiohttp

from chorus_gateway import traces
from chorus_gateway.errors import (
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from chorus_gateway.outbound.connecting import GuardedConnector
from chorus_gateway.outbound.loops import SENT_ON
from chorus_gateway.outbound.networks import AddressRule
from chorus_gateway.outbound.sessions import Outbound, Standing
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.arriving import read_reply
from chorus_gateway.upstream.faults import cut_before_answering, in_our_words, never_sent
from chorus_gateway.upstream.foreign import ForeignServers
from chorus_gateway.upstream.http_transport import IDLE_SECONDS, open_session
from chorus_gateway.upstream.pool import Pool
from chorus_gateway.upstream.server import Server, next_server
from chorus_gateway.upstream.transport import Reply
from chorus_http.logs import request_ids
from chorus_http.traces.context import TRACEPARENT, W3C_TRACEPARENT

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

    def part_of(self, traceparent: str) -> "Request":
        """Return the same request, as a part of our trace in place of its caller's."""
        return replace(self, headers={**(self.headers or {}), TRACEPARENT: traceparent})


@dataclass
class Attempt:
    """One sending; aiohttp says whether its connection was used before."""

    server: Server
    reused: bool = False

    def may_be_repeated(self, error: UpstreamError) -> bool:
        """Whether nothing can have run: there was no connection, or one that was left for dead."""
        return never_sent(error) or (self.reused and cut_before_answering(error))


class Sender:
    """Sessions for all servers: `own` ones, who alone get `own_headers`, and `foreign` ones.

    Foreign servers are reached by `outbound` alone.
    """

    def __init__(
        self,
        own: Pool,
        foreign: ForeignServers,
        outbound: Outbound,
        connect_timeout: float,
        max_answer_bytes: int,
        own_headers: Headers | None = None,
    ) -> None:
        self._own = own
        self._foreign = foreign
        self._outbound = outbound
        self._connect_timeout = connect_timeout
        self._max_answer_bytes = max_answer_bytes
        self._own_headers = own_headers or {}
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the sessions; called once, in the event loop."""
        self._session = _start()
        await self._outbound.open(self._start_guarded)

    async def close(self) -> None:
        """Close the sessions and their connections."""
        await self._outbound.close()
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def sent(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the answer, whatever its status.

        Raises UpstreamTimeout, UpstreamInvalid, and where there is no answer UpstreamUnavailable
        of our own servers and the cluster's, UpstreamUnreachable and UrlNotAllowed of others.
        """
        try:
            async with AsyncExitStack() as held:
                call = held.enter_context(traces.called(request.method, request.path))
                if call:
                    request = request.part_of(call.traceparent)
                response = await self._answered(request, held)
                if call:
                    traces.answered(call, response.status)
                with in_our_words():  # what becomes of the body is what its server did
                    yield response
        except UpstreamTimeout:
            raise
        except UpstreamUnavailable as error:
            if self._will_be_back(request.origin):
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
                with self._session_to(request.origin) as session:
                    response = await session.request(
                        request.method,
                        attempt.server.url + request.path,
                        data=request.body,
                        headers=self._headers(request),
                        timeout=timeout,
                        allow_redirects=False,
                        trace_request_ctx=attempt,
                    )
        if request.total == math.inf:
            attempt.server.breaker.worked()  # a stream takes minutes, and its caller may leave it
        return await held.enter_async_context(response)

    def _session_to(self, origin: Origin | None) -> AbstractContextManager[aiohttp.ClientSession]:
        """The session for one request. Raises UrlNotAllowed for what goes wrong in there."""
        if origin:
            return self._outbound.to(origin)
        if self._session is None:
            raise RuntimeError("this is a bug: open() comes first")
        return nullcontext(self._session)

    def _will_be_back(self, origin: Origin | None) -> bool:
        """Whether somebody looks after the server, so that to ask again makes sense."""
        return origin is None or self._outbound.standing(origin) is Standing.IN_CLUSTER

    def _start_guarded(self, rule: AddressRule) -> aiohttp.ClientSession:
        options = {"limit": 0, "keepalive_timeout": IDLE_SECONDS}
        return _start(GuardedConnector(rule, self._connect_timeout, **options))

    def _headers(self, request: Request) -> dict[str, str]:
        own = self._own_headers if request.origin is None else {}
        return {**(request.headers or {}), **request_ids.passed_on(), **own}

    def _choose(self, origin: Origin | None) -> Server:
        return self._foreign.choose(origin) if origin else self._own.choose()

    def _another(self, origin: Origin | None, server: Server) -> Server | None:
        return None if origin else self._own.another(server)


def _start(connector: aiohttp.TCPConnector | None = None) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_note_reuse)
    return open_session({"user-agent": "chorus", **SENT_ON}, [trace], connector)


async def _note_reuse(
    _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.reused = True


def _finite(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None


def passed_on(headers: Headers) -> dict[str, str]:
    """What of a caller's headers goes on to the model server: its trace."""
    given = headers.get(TRACEPARENT, "")
    return {TRACEPARENT: given} if W3C_TRACEPARENT.fullmatch(given) else {}
