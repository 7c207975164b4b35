"""Sending one request to one of our own servers, or to a server of the caller's choice.

It is sent a second time only where the first cannot have run: no connection came about.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from typing import Final

import aiohttp

from chorus_gateway.errors import (
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from chorus_gateway.upstream.deployed_url import Origin
from chorus_gateway.upstream.transport import HEADERS, IDLE_SECONDS, Reply, Transport, translate

ATTEMPTS: Final = 2  # the second after a moment in which a server may have come back
PAUSE_SECONDS: Final = 0.1
NO_CONNECTION: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

HOP: Final = "x-chorus-hop"
PASSED_ON: Final = {
    "x-request-id": "x-request-id",
    "x-amzn-trace-id": "x-request-id",  # what Hugging Face's client calls it
    "traceparent": "traceparent",
}
LONGEST_PASSED_ON: Final = 128  # characters; ids are of 36, traces of 55

Headers = Mapping[str, str]


class Sender:
    """One session for all servers; `own` chooses among ours. No redirects, proxies or cookies."""

    def __init__(self, own: Transport, connect_timeout: float, max_answer_bytes: int) -> None:
        self._own = own
        self._connect_timeout = connect_timeout
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session; called once, in the event loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={**HEADERS, "user-agent": "chorus", HOP: "1"},
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def sent(
        self,
        method: str,
        origin: Origin | None,
        path: str,
        *,
        total: float | None = None,
        between: float | None = None,
        body: bytes | None = None,
        headers: Headers | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the answer, whatever its status, within `total` seconds or so many `between` parts.

        Raises UpstreamUnreachable, UpstreamTimeout, UpstreamFailed.
        """
        if self._session is None:
            raise RuntimeError("this is a bug: open() comes first")
        timeout = aiohttp.ClientTimeout(
            total=total, sock_read=between, sock_connect=self._connect_timeout
        )
        send = partial(self._session.request, method, data=body, headers=headers, timeout=timeout)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._server(origin) as url:
                    with _in_our_words():  # what goes wrong so far tells the lease of its server
                        response = await send(url=url + path, allow_redirects=False)
                    async with response:
                        yield response
                return
            except UpstreamTimeout:
                raise
            except UpstreamUnavailable as error:
                if attempt == ATTEMPTS or not isinstance(error.__cause__, NO_CONNECTION):
                    raise UpstreamUnreachable(str(error)) from error
            except aiohttp.ClientPayloadError as error:
                raise UpstreamUnreachable("cut off while answering") from error
            except (TimeoutError, aiohttp.ClientError) as error:
                raise translate(error) from error
            await asyncio.sleep(PAUSE_SECONDS)

    async def read(self, response: aiohttp.ClientResponse) -> Reply:
        """Read an answer up to the limit. Raises UpstreamInvalid."""
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise UpstreamInvalid("the answer is too long")
        return Reply(response.status, bytes(body), response.headers.get("retry-after"))

    def _server(self, origin: Origin | None) -> AbstractContextManager[str]:
        return nullcontext(str(origin)) if origin else self._own.lease()


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, aiohttp.ClientError) as error:
        raise translate(error) from error


def passed_on(headers: Headers) -> dict[str, str]:
    """What of a caller's headers goes on to the model server: who asks, for logs and traces."""
    found = {PASSED_ON[name]: headers[name] for name in reversed(PASSED_ON) if name in headers}
    return {
        name: value
        for name, value in found.items()
        if len(value) <= LONGEST_PASSED_ON and value.isascii() and value.isprintable()
    }
