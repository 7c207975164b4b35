"""HTTP/1.1 over kept-alive connections: the real side of the seam."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from chorus_gateway.upstream.arriving import read_reply
from chorus_gateway.upstream.faults import in_our_words
from chorus_gateway.upstream.transport import Reply
from chorus_http.logs import request_ids
from chorus_http.traces import context as trace_context

logger = logging.getLogger(__name__)

# Below the 5 s after which uvicorn, MLServer's HTTP server, closes an idle connection by default:
# a call must never race with that close.
IDLE_SECONDS: Final = 4.0

HEADERS: Final = {
    "content-type": "application/json",
    "accept-encoding": "identity",  # on loopback gzip costs more than it saves
}


class HttpTransport:
    """Sends to one server, `headers` with every request; no redirects."""

    def __init__(
        self,
        url: str,
        connect_timeout: float,
        max_answer_bytes: int,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url
        self._connect_timeout = connect_timeout
        self._max_answer_bytes = max_answer_bytes
        self._headers = headers
        self._was_refused = False
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session."""
        self._session = open_session(self._headers)

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
                method,
                self._url + path,
                data=body,
                headers=request_ids.passed_on() | trace_context.passed_on(),
                timeout=limits,
                allow_redirects=False,
            ) as response:
                reply = await read_reply(response, self._max_answer_bytes)
        self._notice_refusal(reply.status == 401)
        return reply

    def _notice_refusal(self, refused: bool) -> None:
        if refused and not self._was_refused:
            logger.error(
                "the model server does not take the gateway's key; "
                "set the same CHORUS_UPSTREAM_KEY for both"
            )
        self._was_refused = refused


def open_session(
    headers: Mapping[str, str] | None = None,
    traces: Sequence[aiohttp.TraceConfig] = (),
    connector: aiohttp.TCPConnector | None = None,
) -> aiohttp.ClientSession:
    """Start a session: no proxies, no cookies, and nothing unpacked that was sent packed."""
    return aiohttp.ClientSession(
        connector=connector or aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={**HEADERS, **(headers or {})},
        trust_env=False,
        auto_decompress=False,
        trace_configs=list(traces),
    )
