"""A tiny HTTP server whose every reply is decided by the test that runs it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from benchmarks.load.connection import HOST, Call, Text, post

GOOD = b"good"
Answer = Callable[[str], bytes | None]


def reply(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """Answers each POST with `answer(path)`; None closes the connection instead."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length:")[2].split()[0])
                await reader.readexactly(length)
                response = answer(head.split()[1])
                if response is None:
                    break
                # In two pieces, as a network may deliver it.
                writer.write(response[:20])
                await writer.drain()
                writer.write(response[20:])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, HOST, 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


def text(port: int, *paths: str) -> Text:
    """One text: a call to each path, good if the reply is GOOD."""
    return tuple(Call(post(path, b'"x"', port), lambda body: body == GOOD) for path in paths)
