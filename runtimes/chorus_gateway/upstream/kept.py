"""Answers that hold for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Kept(Generic[K, T]):
    """What `ask` answers to a key, for so many seconds; an error is not kept.

    Callers who want the same at the same time share one question.
    """

    def __init__(self, ask: Callable[[K], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._answers: dict[K, tuple[float, asyncio.Future[T]]] = {}

    async def get(self, key: K) -> T:
        """Return the answer, asking if there is none or it is too old. Raises what `ask` raises."""
        until, answer = self._answers.get(key, (0.0, None))
        if answer is None or (answer.done() and time.monotonic() > until):
            answer = asyncio.ensure_future(self._ask(key))
            answer.add_done_callback(partial(self._forget_failure, key))
            self._answers[key] = time.monotonic() + self._seconds, answer
        return await asyncio.shield(answer)  # one caller's leaving ends it for none

    def _forget_failure(self, key: K, answer: asyncio.Future[T]) -> None:
        failed = answer.cancelled() or answer.exception() is not None
        if failed and self._answers[key][1] is answer:
            del self._answers[key]
