"""Answers that hold for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """What `ask` answers to a name, for so many seconds; an error is not kept.

    Callers who want the same at the same time share one question.
    """

    def __init__(self, ask: Callable[[str], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._answers: dict[str, tuple[float, asyncio.Future[T]]] = {}

    async def get(self, name: str) -> T:
        """Return the answer, asking if there is none or it is too old. Raises what `ask` raises."""
        until, answer = self._answers.get(name, (0.0, None))
        if answer is None or (answer.done() and time.monotonic() > until):
            answer = asyncio.ensure_future(self._ask(name))
            answer.add_done_callback(partial(self._forget_failure, name))
            self._answers[name] = time.monotonic() + self._seconds, answer
        return await asyncio.shield(answer)  # one caller's leaving ends it for none

    def _forget_failure(self, name: str, answer: asyncio.Future[T]) -> None:
        failed = answer.cancelled() or answer.exception() is not None
        if failed and self._answers[name][1] is answer:
            del self._answers[name]
