"""Images and recordings that are named by a URL: only from hosts on the list, and bounded."""

import socket
from typing import Final

import aiohttp
from yarl import URL

from chorus_gateway.errors import BadInput, BodyTooLarge
from chorus_gateway.media.hosts import AllowedHosts
from chorus_gateway.media.limits import MediaLimits

CONNECTIONS: Final = 16  # at once, to all hosts together
CHUNK: Final = 64 << 10  # bytes

# Plain bytes only: whatever were unpacked would have to be bounded twice.
HEADERS: Final = {"accept-encoding": "identity", "user-agent": "chorus"}

Address = tuple[int, int, int, str, tuple[str | int, ...] | tuple[int, bytes]]


class Fetcher:
    """Gets files by HTTP; no redirects, no proxies, no cookies, nothing unpacked."""

    def __init__(self, limits: MediaLimits) -> None:
        self._limits = limits
        self._hosts = AllowedHosts(limits.hosts)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Create the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, socket_factory=_open_socket),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._limits.fetch_timeout),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    async def fetch(self, text: str) -> bytes:
        """Return what the URL answers with 200. Raises UrlNotAllowed, BadInput, BodyTooLarge."""
        if self._session is None:
            raise RuntimeError("this is a bug: open() comes first")
        url = self._hosts.parse(text)
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise BadInput(
                        f"{url.host} answered {response.status}, not 200{_hint(response)}"
                    )
                return await self._read(response)
        except TimeoutError:
            raise BadInput(
                f"{url.host} did not answer in {self._limits.fetch_timeout:g} s"
            ) from None
        except aiohttp.ClientError:
            raise BadInput(f"{url.host} could not be reached, or cut the connection") from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the body until it ends or is too long; its declared length only helps to give up."""
        limit = self._limits.max_bytes
        body = bytearray()
        if (response.content_length or 0) > limit:
            raise _too_long(response.url, limit)
        async for chunk in response.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > limit:
                raise _too_long(response.url, limit)
        return bytes(body)


def _open_socket(address: Address) -> socket.socket:
    """Make the socket that is then connected to exactly this address.

    Every connection passes here, by name or by number (a resolver would not see the latter), so
    here is where an address is judged: an OSError refuses it.
    """
    family, kind, protocol, *_ = address
    return socket.socket(family, kind, protocol)


def _hint(response: aiohttp.ClientResponse) -> str:
    return "; redirects are not followed" if 300 <= response.status < 400 else ""


def _too_long(url: URL, limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"{url.host} sends more than {limit} bytes")
