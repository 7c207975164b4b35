"""How many requests are answered at a time, and what ends the answering of one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from chorus_gateway.errors import Busy, Draining

T = TypeVar("T")


class Gate:
    """Lets so many requests in at a time; when it is closed, everybody is sent away."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._work: set[asyncio.Future[Any]] = set()
        self._closed = False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Take a place, until the answer is sent. Raises Busy, Draining."""
        if self._closed:
            raise Draining
        if self._inside >= self._limit:
            raise Busy
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Fail with Draining whatever is under way; nobody is let in any more."""
        self._closed = True
        for work in self._work:
            work.cancel()

    async def answer(self, request: Request, work: Awaitable[T]) -> T:
        """Do the work, or give it up when the caller leaves. The body must have been read.

        Raises ClientDisconnect, Draining, and what the work raises.
        """
        running = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(_cancel_on_disconnect(request, running))
        try:
            return await self._finish(running)
        except asyncio.CancelledError:
            if watch.done():
                raise ClientDisconnect from None
            raise
        finally:
            watch.cancel()

    async def guard(self, events: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Yield the events until the gate is closed. Raises Draining, and what they raise."""
        async with aclosing(events):
            while True:
                try:
                    event = await self._finish(asyncio.ensure_future(anext(events)))
                except StopAsyncIteration:
                    return
                yield event

    async def _finish(self, work: asyncio.Future[T]) -> T:
        self._work.add(work)
        try:
            return await work
        except asyncio.CancelledError:
            if self._closed:
                raise Draining from None
            raise
        finally:
            self._work.discard(work)


async def _cancel_on_disconnect(request: Request, work: asyncio.Future[Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    work.cancel()
