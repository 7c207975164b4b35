"""How many requests are answered at a time, and what ends the answering of one."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request

from chorus_gateway import deadlines
from chorus_gateway.errors import Busy, Draining

T = TypeVar("T")

# A caller may hold so many times the places that are free: alone up to 7 of 8, and the less the
# more the others hold, so that nobody has all of them while others are refused.
OF_WHAT_IS_FREE: Final = 7


class Gate:
    """Lets so many requests in at a time; when it is closed, everybody is sent away.

    Nobody is given more than `max_timeout` seconds, whatever the request says.
    """

    def __init__(self, limit: int, max_timeout: float) -> None:
        self._limit = limit
        self._max_timeout = max_timeout
        self._inside = 0
        self._of_caller: Counter[str] = Counter()
        self._work: set[asyncio.Future[Any]] = set()
        self._closed = False

    @contextmanager
    def inside(self, request: Request) -> Iterator[None]:
        """Take a place, until the answer is sent. Raises Busy, Draining, and BadInput.

        From here on the time counts that the caller gives.
        """
        if self._closed:
            raise Draining
        caller, deadline = deadlines.terms_of(request, self._max_timeout)
        if self._of_caller[caller] >= OF_WHAT_IS_FREE * (self._limit - self._inside):
            raise Busy
        deadlines.note(request, deadline)
        self._take(caller, 1)
        try:
            yield
        finally:
            self._take(caller, -1)

    def _take(self, caller: str, places: int) -> None:
        self._inside += places
        self._of_caller[caller] += places
        if not self._of_caller[caller]:
            del self._of_caller[caller]

    def close(self) -> None:
        """Fail with Draining whatever is under way; nobody is let in any more."""
        self._closed = True
        for work in self._work:
            work.cancel()

    async def answer(self, request: Request, work: Awaitable[T]) -> T:
        """Do the work, or give it up when the caller leaves. The body must have been read.

        Raises ClientDisconnect, Draining, DeadlinePassed, and what the work raises.
        """
        running = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(_cancel_on_disconnect(request, running))
        try:
            return await deadlines.within(deadlines.noted(request), self._finish(running))
        except asyncio.CancelledError:
            if watch.done():
                raise ClientDisconnect from None
            raise
        finally:
            watch.cancel()

    async def guard(
        self, request: Request, events: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        """Yield the events until the gate is closed or the request's time is over.

        Raises Draining, DeadlinePassed, and what they raise.
        """
        deadline = deadlines.noted(request)
        async with aclosing(events):
            while True:
                try:
                    step = self._finish(asyncio.ensure_future(anext(events)))
                    event = await deadlines.within(deadline, step)
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
