"""Images and recordings that are named by a URL: only from hosts on the list, and bounded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
from yarl import URL

from chorus_gateway.errors import (
    BadInput,
    BodyTooLarge,
    FetchFailed,
    FetchTimeout,
    UrlNotAllowed,
)
from chorus_gateway.media.limits import MediaLimits
from chorus_gateway.outbound.allowed import Allowed
from chorus_gateway.outbound.connecting import GuardedConnector
from chorus_gateway.outbound.loops import SENT_ON
from chorus_gateway.outbound.networks import AddressRule
from chorus_gateway.outbound.sessions import Outbound
from chorus_gateway.outbound.text import UnreadableUrl, Url, read_url

logger = logging.getLogger(__name__)

FORMS: Final = "the URL of an image or a recording must read http(s)://HOST[:PORT]/PATH, in ASCII"
# One sentence whatever is asked for: it tells nobody which names exist.
REFUSAL: Final = "URLs are fetched only from the hosts listed in CHORUS_MEDIA_HOSTS"

CONNECTIONS: Final = 16  # at once to all listed hosts together, and as many to others
STEP_SECONDS: Final = 2.0  # for a lookup, a connection, and from one part of the answer to the next
CHUNK: Final = 64 << 10  # bytes

# Plain bytes only: whatever were unpacked would have to be bounded twice.
HEADERS: Final = {"accept-encoding": "identity", "user-agent": "chorus", **SENT_ON}
# What servers of files call those that they know nothing of.
UNDECLARED: Final = frozenset({"application/octet-stream", "binary/octet-stream"})


class Fetcher:
    """Gets files by HTTP; no redirects, no proxies, no cookies, nothing unpacked or sent twice."""

    def __init__(self, limits: MediaLimits) -> None:
        self._limits = limits
        self._allowed = Allowed(limits.hosts)
        self._outbound = Outbound(self._allowed.lists, limits.networks, REFUSAL)

    async def open(self) -> None:
        """Create the sessions."""
        await self._outbound.open(self._start)

    async def close(self) -> None:
        """Close the sessions and their connections."""
        await self._outbound.close()

    async def fetch(self, text: str, kind: str) -> bytes:
        """Return what the URL answers with 200; `kind` is `image` or `audio`.

        Raises UrlNotAllowed, BadInput, BodyTooLarge, FetchFailed, FetchTimeout.
        """
        url = self._read_url(text)
        with _in_our_words(), self._outbound.to(url.origin) as session:
            async with session.get(_built(url), allow_redirects=False) as response:
                _require_file(response, kind)
                return await self._read(response)

    def _read_url(self, text: str) -> Url:
        try:
            url = read_url(text)
        except UnreadableUrl:
            raise BadInput(FORMS) from None
        if not self._allowed.admits(url.origin):
            raise UrlNotAllowed(REFUSAL)
        return url

    def _start(self, rule: AddressRule) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(
            total=self._limits.fetch_timeout, sock_connect=STEP_SECONDS, sock_read=STEP_SECONDS
        )
        options = {"limit": CONNECTIONS, "force_close": True}
        return aiohttp.ClientSession(
            connector=GuardedConnector(rule, STEP_SECONDS, **options),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            timeout=timeout,
            middlewares=[_once],
            auto_decompress=False,
            trust_env=False,
        )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the body until it ends or is too long; its declared length only helps to give up."""
        limit = self._limits.max_bytes
        body = bytearray()
        if (response.content_length or 0) > limit:
            raise _too_long(limit)
        async for chunk in response.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > limit:
                raise _too_long(limit)
        return bytes(body)


def _built(url: Url) -> URL:
    """The URL from its parts, as they are."""
    return URL.build(
        scheme=url.origin.scheme,
        host=url.origin.host,
        port=url.origin.port,
        path=url.path or "/",
        query_string=url.query,
        encoded=True,
    )


def _require_file(response: aiohttp.ClientResponse, kind: str) -> None:
    """Refuse what is no plain file of that kind by its head. Raises FetchFailed."""
    if response.status != 200:
        raise FetchFailed(f"its status is {response.status}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchFailed("it is packed")
    declared = response.content_type.lower()
    if not declared.startswith(f"{kind}/") and declared not in UNDECLARED:
        raise FetchFailed(f"its content-type is not {kind}/*")


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET again whose connection was cut, by another error for it."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientPayloadError("the connection was cut") from error


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turn what goes wrong on the way into errors of ours, and log the reason."""
    try:
        yield
    except TimeoutError:
        _log("it took too long")
        raise FetchTimeout from None
    except aiohttp.ClientError as error:
        _log(type(error).__name__)
        raise FetchFailed from None
    except FetchFailed as error:
        _log(str(error))
        raise


def _log(reason: str) -> None:
    logger.warning("a file was not fetched from a caller's URL: %s", reason)


def _too_long(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"an image or a recording must be at most {limit} bytes")
