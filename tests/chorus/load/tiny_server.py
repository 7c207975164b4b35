"""A tiny HTTP server whose every reply is decided by the test that runs it."""

import asyncio
import concurrent.futures
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from chorus.load.address import LOOPBACK, loopback
from chorus.load.connection import Call, Text, post

GOOD = b"good"
Answer = Callable[[str], bytes | Awaitable[bytes] | None]


def reply(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@asynccontextmanager
async def server(
    answer: Answer, *, in_thread: bool = False, closes_after: float | None = None
) -> AsyncIterator[int]:
    """Answers each POST with `answer(path)`; None closes the connection instead.

    In a thread, an answer may stall all of it. A connection idle for `closes_after` s is closed.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(closes_after):
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length:")[2].split()[0])
                await reader.readexactly(length)
                response = answer(head.split()[1])
                if inspect.isawaitable(response):
                    response = await response
                if response is None:
                    break
                # In two pieces, as a network may deliver it.
                writer.write(response[:20])
                await writer.drain()
                writer.write(response[20:])
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening() -> AsyncIterator[int]:
        async with await asyncio.start_server(serve, LOOPBACK, 0) as listener:
            yield listener.sockets[0].getsockname()[1]

    async with _threaded(listening()) if in_thread else listening() as port:
        yield port


@asynccontextmanager
async def _threaded(listening: AbstractAsyncContextManager[int]) -> AsyncIterator[int]:
    """The server in a thread and a loop of its own."""
    over, told = threading.Event(), concurrent.futures.Future[int]()

    async def run() -> None:
        async with listening as port:
            told.set_result(port)
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        yield await asyncio.wrap_future(told)
    finally:
        over.set()
        thread.join()


def text(port: int, *paths: str) -> Text:
    """One text: a call to each path, good if the reply is GOOD."""
    return tuple(
        Call(post(path, b'"x"', loopback(port)), lambda body: body == GOOD) for path in paths
    )
