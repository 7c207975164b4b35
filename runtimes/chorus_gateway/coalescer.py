"""Concurrent single texts become calls of many texts.

There is no timer. At most `max_calls_in_flight` calls run; what arrives meanwhile is the next call.
Every text that is accepted gets exactly one reply, and a text that spoils its call fails alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from chorus_gateway.errors import Draining, InputRefused, UpstreamFailed
from chorus_gateway.waiting import Waiter, WaitingLine

T = TypeVar("T")

# Errors that one text may cause for its whole call. A server that is down is no text's fault.
ONE_TEXTS_FAULT = (InputRefused, UpstreamFailed)


@dataclass(frozen=True)
class Limits:
    """How much goes into a call, how many calls run, how much may wait."""

    max_texts_per_call: int
    max_bytes_per_call: int
    max_calls_in_flight: int
    max_waiting_texts: int
    max_waiting_bytes: int


class Coalescer(Generic[T]):
    """Gathers texts into calls of `infer`; `on_call` is told the texts and the seconds of each."""

    def __init__(
        self,
        infer: Callable[[Sequence[str]], Awaitable[Sequence[T]]],
        limits: Limits,
        on_call: Callable[[int, float], None],
    ) -> None:
        self._infer = infer
        self._limits = limits
        self._on_call = on_call
        self._line: WaitingLine[T] = WaitingLine(limits.max_waiting_texts, limits.max_waiting_bytes)
        self._calls: set[asyncio.Task[None]] = set()
        self._flush_is_due = False
        self._closed = False

    @property
    def waiting_texts(self) -> int:
        """How many texts are in no call yet."""
        return len(self._line)

    @property
    def calls_in_flight(self) -> int:
        """How many calls are running."""
        return len(self._calls)

    def require_room(self) -> None:
        """Refuse early: before a text is read. Raises Overloaded, Draining."""
        if self._closed:
            raise Draining
        self._line.require_room()

    def ask(self, text: str) -> asyncio.Future[T]:
        """Queue a text; the future is its answer. Raises Overloaded, Draining."""
        if self._closed:
            raise Draining
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[T] = loop.create_future()
        self._line.join(Waiter(text, len(orjson.dumps(text)), reply))
        if not self._flush_is_due:  # after this turn of the loop: its requests go together
            self._flush_is_due = True
            loop.call_soon(self._flush)
        return reply

    def leave(self, reply: asyncio.Future[T]) -> None:
        """Cancel an answer that nobody awaits any more."""
        self._line.leave(reply)

    def close(self) -> None:
        """Fail everybody who still waits with Draining; nothing is accepted any more."""
        self._closed = True
        for waiter in self._line.clear():
            waiter.fail(Draining())
        for call in self._calls:
            call.cancel()

    def _flush(self) -> None:
        """Start the next call while one may run and somebody waits: this is the main loop."""
        self._flush_is_due = False
        limits = self._limits
        while self.calls_in_flight < limits.max_calls_in_flight:
            waiters = self._line.take(limits.max_texts_per_call, limits.max_bytes_per_call)
            if not waiters:
                return
            self._start(waiters)

    def _start(self, waiters: list[Waiter[T]]) -> None:
        call = asyncio.create_task(self._run(waiters))
        self._calls.add(call)
        call.add_done_callback(self._end)

    def _end(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._flush()

    async def _run(self, waiters: list[Waiter[T]]) -> None:
        try:
            await self._settle(waiters)
        finally:
            for waiter in waiters:  # only a call that was cancelled leaves somebody without reply
                waiter.fail(Draining())

    async def _settle(self, waiters: list[Waiter[T]]) -> None:
        """Reply to all; a call that one text may have spoilt is repeated by halves."""
        waiters = [waiter for waiter in waiters if not waiter.is_done]
        if not waiters:
            return
        try:
            answers = await self._call([waiter.text for waiter in waiters])
        except ONE_TEXTS_FAULT as error:
            if len(waiters) == 1:
                waiters[0].fail(error)
                return
            middle = len(waiters) // 2
            await self._settle(waiters[:middle])
            await self._settle(waiters[middle:])
        except Exception as error:  # whatever it was, nobody may wait for ever
            for waiter in waiters:
                waiter.fail(error)
        else:
            for waiter, answer in zip(waiters, answers, strict=True):
                waiter.answer(answer)

    async def _call(self, texts: list[str]) -> Sequence[T]:
        start = time.perf_counter()
        try:
            answers = await self._infer(texts)
        finally:
            self._on_call(len(texts), time.perf_counter() - start)
        if len(answers) != len(texts):  # checked before any reply: a shifted one is a stranger's
            raise RuntimeError("this is a bug: not as many answers as texts")
        return answers
