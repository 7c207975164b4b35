"""The line of texts that are in no call yet: bounded, first come first served."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from chorus_gateway.errors import Overloaded

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Waiter(Generic[T]):
    """A text and the reply that its caller awaits; a caller who leaves cancels the reply."""

    text: str
    size: int
    reply: asyncio.Future[T]

    @property
    def is_done(self) -> bool:
        """Whether it has its reply, or left."""
        return self.reply.done()

    def answer(self, answer: T) -> None:
        """Reply, unless the caller left."""
        if not self.is_done:
            self.reply.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Reply with an error, unless the caller left."""
        if not self.is_done:
            self.reply.set_exception(error)


class WaitingLine(Generic[T]):
    """Waiters in the order of their arrival, bounded by number and by bytes."""

    def __init__(self, max_texts: int, max_bytes: int) -> None:
        self._max_texts = max_texts
        self._max_bytes = max_bytes
        self._waiters: deque[Waiter[T]] = deque()
        self._bytes = 0
        self._somebody_left = False

    def __len__(self) -> int:
        return len(self._waiters)

    def require_room(self, size: int = 0) -> None:
        """Find out whether a text of so many bytes may join. Raises Overloaded."""
        if self._is_full_for(size) and self._somebody_left:
            self._drop_the_gone()
        if self._is_full_for(size):
            raise Overloaded

    def join(self, waiter: Waiter[T]) -> None:
        """Add a waiter at the end. Raises Overloaded."""
        self.require_room(waiter.size)
        self._waiters.append(waiter)
        self._bytes += waiter.size

    def take(self, max_texts: int, max_bytes: int) -> list[Waiter[T]]:
        """Take from the front what fits, at least one, without the callers who left."""
        taken: list[Waiter[T]] = []
        room = max_bytes
        while self._waiters and len(taken) < max_texts:
            if taken and self._waiters[0].size > room:
                break
            waiter = self._waiters.popleft()
            self._bytes -= waiter.size
            if not waiter.is_done:
                taken.append(waiter)
                room -= waiter.size
        return taken

    def leave(self, reply: asyncio.Future[T]) -> None:
        """Cancel a reply that nobody awaits any more; its place is free for whoever needs one."""
        reply.cancel()
        self._somebody_left = True

    def clear(self) -> list[Waiter[T]]:
        """Take everybody."""
        everybody = list(self._waiters)
        self._waiters.clear()
        self._bytes = 0
        return everybody

    def _is_full_for(self, size: int) -> bool:
        return len(self._waiters) >= self._max_texts or self._bytes + size > self._max_bytes

    def _drop_the_gone(self) -> None:
        # Only after somebody left: a walk along the line for each refusal is half of what an
        # overloaded gateway does.
        self._somebody_left = False
        self._waiters = deque(waiter for waiter in self._waiters if not waiter.is_done)
        self._bytes = sum(waiter.size for waiter in self._waiters)
