"""HTTP/1.1 over kept-alive connections: the real side of the seam."""

from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from chorus_gateway.upstream.arriving import read_reply
from chorus_gateway.upstream.faults import in_our_words
from chorus_gateway.upstream.transport import Reply

# Below the 5 s after which uvicorn, MLServer's HTTP server, closes an idle connection by default:
# a call must never race with that close.
IDLE_SECONDS: Final = 4.0

HEADERS: Final = {
    "content-type": "application/json",
    "accept-encoding": "identity",  # on loopback gzip costs more than it saves
}


class HttpTransport:
    """Sends to one server; no redirects."""

    def __init__(self, url: str, connect_timeout: float, max_answer_bytes: int) -> None:
        self._url = url
        self._connect_timeout = connect_timeout
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session."""
        self._session = open_session()

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    async def request(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        """Send one request. Raises UpstreamUnavailable, UpstreamTimeout, UpstreamInvalid."""
        if self._session is None:
            raise RuntimeError("this is a bug: open() comes first")
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=self._connect_timeout)
        with in_our_words():
            async with self._session.request(
                method, self._url + path, data=body, timeout=limits, allow_redirects=False
            ) as response:
                return await read_reply(response, self._max_answer_bytes)


def open_session(
    headers: Mapping[str, str] | None = None, traces: Sequence[aiohttp.TraceConfig] = ()
) -> aiohttp.ClientSession:
    """Start a session: no proxies, no cookies, and nothing unpacked that was sent packed."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={**HEADERS, **(headers or {})},
        trust_env=False,
        auto_decompress=False,
        trace_configs=list(traces),
    )
