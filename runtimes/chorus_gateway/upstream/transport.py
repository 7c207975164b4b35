"""The seam between the V2 client and the network, and its real side: a pooled session."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

import aiohttp

from chorus_gateway.errors import (
    UpstreamError,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnavailable,
)

# Below the 5 s after which uvicorn, MLServer's HTTP server, closes an idle connection by default:
# a call must never race with that close.
IDLE_SECONDS = 4.0

HEADERS = {
    "content-type": "application/json",
    "accept-encoding": "identity",  # on loopback gzip costs more than it saves
}

# Foreign errors, most special first: timeouts of aiohttp are connection errors too.
FOREIGN_ERRORS: tuple[tuple[type[Exception], type[UpstreamError]], ...] = (
    (aiohttp.ConnectionTimeoutError, UpstreamUnavailable),
    (asyncio.TimeoutError, UpstreamTimeout),
    (aiohttp.ClientConnectionError, UpstreamUnavailable),
    (aiohttp.ClientPayloadError, UpstreamUnavailable),
    (aiohttp.ClientError, UpstreamFailed),
)


class Reply(NamedTuple):
    """What came back; `retry_after` is the header of that name, if there was one."""

    status: int
    body: bytes
    retry_after: str | None = None


class Transport(Protocol):
    """Sends one request. Tests plug a fake in here."""

    async def open(self) -> None:
        """Get ready to send; called once, in the event loop."""

    async def close(self) -> None:
        """Let go of every connection."""

    async def request(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Return the reply, whatever its status. Raises UpstreamUnavailable, UpstreamTimeout."""

    def lease(self) -> AbstractContextManager[str]:
        """Choose a server for a call of somebody else's making: its URL, until the call is over.

        An UpstreamUnavailable that passes through is what the call found out about the server.
        Raises UpstreamUnavailable when there is none to choose.
        """


class HttpTransport:
    """HTTP/1.1 over kept-alive connections to one server; no redirects, no proxies, no cookies."""

    def __init__(self, url: str, connect_timeout: float) -> None:
        self._url = url
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    async def request(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Send one request. Raises UpstreamUnavailable, UpstreamTimeout, UpstreamFailed."""
        if self._session is None:
            raise RuntimeError("this is a bug: open() comes first")
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=self._connect_timeout)
        try:
            async with self._session.request(
                method, self._url + path, data=body, timeout=limits, allow_redirects=False
            ) as response:
                retry_after = response.headers.get("retry-after")
                return Reply(response.status, await response.read(), retry_after)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise translate(error) from error

    @contextmanager
    def lease(self) -> Iterator[str]:
        """Choose the one that there is."""
        yield self._url


def translate(error: Exception) -> UpstreamError:
    """Turn an error of aiohttp into the gateway's word for it."""
    for foreign, own in FOREIGN_ERRORS:
        if isinstance(error, foreign):
            return own(type(error).__name__)
    raise AssertionError("this is a bug: not an error of aiohttp") from error
