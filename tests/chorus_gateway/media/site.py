"""A web server that tests tell what to say, and limits under which it is a listed host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from chorus_gateway.media import MediaLimits

LIMITS = MediaLimits(max_bytes=100_000, max_pixels=1_000_000, fetch_timeout=10)


@dataclass
class Site:
    """A web server that counts who connects and answers by a function."""

    answer: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.answer:
                await self.answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller has seen enough
        finally:
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/a.png?key=secret"

    @property
    def limits(self) -> MediaLimits:
        """Those of the tests, and this host is listed."""
        return replace(LIMITS, hosts=(f"127.0.0.1:{self.port}",))

    def holds(self, said: bytes) -> None:
        """Say this, and keep the connection open."""

        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            await self.over.wait()

        self.answer = answer

    def says(
        self, body: bytes, status: str = "200 OK", headers: str = "content-type: image/png\r\n"
    ) -> None:
        async def answer(writer: asyncio.StreamWriter) -> None:
            head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

        self.answer = answer


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    async with await asyncio.start_server(site.on_connection, "127.0.0.1") as server:
        site.port = server.sockets[0].getsockname()[1]
        yield site
        site.over.set()
