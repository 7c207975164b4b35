"""Reading an answer as it arrives: within bounds, and to the end of its connection at most."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import aiohttp

from chorus_gateway.errors import UpstreamInvalid
from chorus_gateway.upstream.transport import Reply

T = TypeVar("T")


async def read_reply(response: aiohttp.ClientResponse, most: int) -> Reply:
    """Read an answer of at most so many bytes. Raises UpstreamInvalid, errors of aiohttp."""
    body = bytearray()
    with ending_with_its_connection(response):
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > most:
                raise UpstreamInvalid("the answer is too long")
    return Reply(response.status, bytes(body), response.headers.get("retry-after"))


async def paced(events: AsyncIterator[T], seconds: float) -> AsyncIterator[T]:
    """Yield events that come within so many seconds of each other. Raises TimeoutError."""
    while True:
        async with asyncio.timeout(seconds):
            try:
                event = await anext(events)
            except StopAsyncIteration:
                return
        yield event


@contextmanager
def ending_with_its_connection(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Fail the reading of a body when its connection ends before it does.

    aiohttp closes the connection when a chunk is no chunk, and leaves its reader waiting for ever.
    """
    connection, content = response.connection, response.content
    if connection is None or connection.protocol is None:  # all of it is here
        yield
        return
    closed = connection.protocol.closed
    if closed is None:
        _cut(content)
        yield
        return
    cut = partial(_cut, content)
    closed.remove_done_callback(_retrieve)  # there is one of it, however many answers came before
    closed.add_done_callback(_retrieve)
    closed.add_done_callback(cut)
    try:
        yield
    finally:
        closed.remove_done_callback(cut)


def _cut(content: aiohttp.StreamReader, _: object = None) -> None:
    if not content.is_eof() and content.exception() is None:
        content.set_exception(aiohttp.ClientPayloadError("the connection ended"))


def _retrieve(closed: "asyncio.Future[None]") -> None:
    """Look at how it ended, or asyncio logs that nobody did."""
    if not closed.cancelled():
        closed.exception()
