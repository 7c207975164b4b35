"""Concurrent single texts become calls of many texts.

There is no timer. At most `max_calls_in_flight` calls run; what arrives meanwhile is the next call.
Every text that is accepted gets exactly one reply, and a text that spoils its call fails alone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import orjson

from chorus_gateway.errors import (
    Draining,
    InputFailed,
    InputRefused,
    UpstreamBusy,
    UpstreamFailed,
)
from chorus_gateway.pace import Pace
from chorus_gateway.traces import coalesced, waited
from chorus_gateway.waiting import Bounds, Waiter, WaitingLine
from chorus_http.logs import request_ids
from chorus_http.logs.access_log import milliseconds
from chorus_http.logs.lines import FIELDS
from chorus_http.traces.context import CURRENT

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Errors that one text may cause for its whole call. A server that is down is no text's fault.
ONE_TEXTS_FAULT: Final = (InputRefused, UpstreamFailed)
# Errors that say so: however many texts they are about, all the others are answered.
SURELY_ONE_TEXTS_FAULT: Final = (InputRefused, InputFailed)
# With any other error, a call of which so many parts fail, and none has worked, means a broken
# server.
HOPELESS_PARTS: Final = 8

BUSY_PAUSE: Final = 0.1  # seconds; a refused call costs the model server next to nothing


@dataclass(frozen=True)
class Limits:
    """How much goes into a call, how many calls run, how much may wait."""

    max_texts_per_call: int
    max_bytes_per_call: int
    max_calls_in_flight: int
    max_waiting_texts: int
    max_waiting_seconds: float
    max_waiting_bytes: int


class Coalescer(Generic[T]):
    """Gathers texts into calls of `infer`; `on_call` is told the texts and the seconds of each.

    `infer` gets the texts and the moment, on the clock of `monotonic`, after which nobody wants an
    answer, None if somebody always does.
    """

    def __init__(
        self,
        infer: Callable[[Sequence[str], float | None], Awaitable[Sequence[T]]],
        limits: Limits,
        on_call: Callable[[int, float], None],
    ) -> None:
        self._infer = infer
        self._limits = limits
        self._on_call = on_call
        self._pace = Pace()
        bounds = Bounds(
            limits.max_waiting_texts, limits.max_waiting_seconds, limits.max_waiting_bytes
        )
        self.line: WaitingLine[T] = WaitingLine(bounds, self._pace)
        """Texts that are in no call yet; to look at."""
        self._calls: dict[asyncio.Task[None], list[Waiter[T]]] = {}
        self._flush_is_due = False
        self._closed = False

    @property
    def calls_in_flight(self) -> int:
        """How many calls are running."""
        return len(self._calls)

    @property
    def in_flight(self) -> int:
        """How many texts are accepted and not answered yet."""
        in_calls = (waiter for waiters in self._calls.values() for waiter in waiters)
        return len(self.line) + sum(not waiter.is_done for waiter in in_calls)

    def require_room(self, key: str = "", deadline: float | None = None) -> None:
        """Refuse early: before a text is read. Raises Overloaded, Draining."""
        if self._closed:
            raise Draining
        self.line.require_room(key, deadline=deadline)

    def ask(self, text: str, key: str = "", deadline: float | None = None) -> asyncio.Future[T]:
        """Queue a text of a caller; the future is its answer. Raises Overloaded, Draining.

        A text that is in no call at its deadline, on the clock of `monotonic`, is in none later.
        """
        if self._closed:
            raise Draining
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[T] = loop.create_future()
        size = len(orjson.dumps(text))
        self.line.join(Waiter(text, size, reply, key, deadline, CURRENT.get()))
        if not self._flush_is_due:  # after this turn of the loop: its requests go together
            self._flush_is_due = True
            loop.call_soon(self._flush)
        return reply

    def leave(self, reply: asyncio.Future[T]) -> None:
        """Cancel an answer that nobody awaits any more, and the call that has no others."""
        self.line.leave(reply)
        for call, waiters in self._calls.items():
            if all(waiter.is_done for waiter in waiters):
                call.cancel()

    def close(self) -> None:
        """Fail everybody who still waits with Draining; nothing is accepted any more."""
        self._closed = True
        for waiter in self.line.clear():
            waiter.fail(Draining())
        for call in self._calls:
            call.cancel()

    def _flush(self) -> None:
        """Start the next call while one may run and somebody waits: this is the main loop."""
        self._flush_is_due = False
        limits = self._limits
        while self.calls_in_flight < limits.max_calls_in_flight:
            waiters = self.line.take(limits.max_texts_per_call, limits.max_bytes_per_call)
            if not waiters:
                break
            self._start(waiters)
        if not self.line:
            self._pace.idle()

    def _start(self, waiters: list[Waiter[T]]) -> None:
        for waiter in waiters:
            if waiter.span:
                waited(waiter.span, waiter.arrived)
            if waiter.noted is not None:
                waiter.noted["queue_ms"] = milliseconds(time.monotonic() - waiter.arrived)
        call = asyncio.create_task(self._run(waiters))
        self._calls[call] = waiters
        call.add_done_callback(self._end)

    def _end(self, call: asyncio.Task[None]) -> None:
        del self._calls[call]
        self._flush()

    async def _run(self, waiters: list[Waiter[T]]) -> None:
        try:
            await self._settle(waiters)
        finally:
            for waiter in waiters:  # only a call that was cancelled leaves somebody without reply
                waiter.fail(Draining())

    async def _settle(self, waiters: list[Waiter[T]]) -> None:
        """Reply to all; a call that one text may have spoilt is repeated in halves, and so on.

        That takes at most 2 ceil(log2 n) + 1 further calls for each of n texts that is to blame.
        """
        parts = [waiters]
        works = False
        while parts:
            tried = [(part, await self._answer(part)) for part in parts]
            failed = [(part, error) for part, error in tried if error is not None]
            works = works or len(failed) < len(parts)
            works = works or any(isinstance(e, SURELY_ONE_TEXTS_FAULT) for _, e in failed)
            if not works and len(parts) >= HOPELESS_PARTS:
                for part, error in failed:
                    _fail(part, error)
                return
            parts = [half for part, _ in failed for half in _halves(part)]

    async def _answer(self, waiters: list[Waiter[T]]) -> Exception | None:
        """Reply to all, with an answer or an error; or return what some of them failed with."""
        give_up = time.monotonic() + self._limits.max_waiting_seconds
        while waiters := [waiter for waiter in waiters if not waiter.is_done]:
            try:
                answers = await self._call(waiters)
            except UpstreamBusy as error:
                # Its advice is for callers without number; we are a few calls, and while they
                # wait, the line fills and refuses whoever comes too much.
                if time.monotonic() > give_up:
                    _fail(waiters, error)
                await asyncio.sleep(BUSY_PAUSE)
            except ONE_TEXTS_FAULT as error:
                if len(waiters) > 1:
                    return error
                _fail(waiters, error)
            except Exception as error:  # whatever it was, nobody may wait for ever
                _fail(waiters, error)
            else:
                for waiter, answer in zip(waiters, answers, strict=True):
                    waiter.answer(answer)
        return None

    async def _call(self, waiters: list[Waiter[T]]) -> Sequence[T]:
        texts = [waiter.text for waiter in waiters]
        _name_call(waiters)
        start = time.monotonic()
        answers: Sequence[T] = ()
        try:
            with coalesced([w.span for w in waiters if w.span], len(texts)):
                answers = await self._infer(texts, _last_deadline(waiters))
        finally:
            now = time.monotonic()
            self._pace.answered(len(answers), now)
            self._on_call(len(texts), now - start)
        if len(answers) != len(texts):  # checked before any reply: a shifted one is a stranger's
            raise RuntimeError("this is a bug: not as many answers as texts")
        return answers


def _name_call(waiters: Sequence[Waiter[T]]) -> None:
    """Give a call an id of its own, since it is several callers', and tell the log whose."""
    request_ids.CURRENT.set(request_ids.new())
    if logger.isEnabledFor(logging.DEBUG):
        whose = ",".join(waiter.request_id for waiter in waiters)
        logger.debug("a call of several requests", extra={FIELDS: {"requests": whose}})


def _fail(waiters: Sequence[Waiter[T]], error: Exception) -> None:
    for waiter in waiters:
        waiter.fail(error)


def _halves(waiters: list[Waiter[T]]) -> tuple[list[Waiter[T]], list[Waiter[T]]]:
    middle = len(waiters) // 2
    return waiters[:middle], waiters[middle:]


def _last_deadline(waiters: Sequence[Waiter[T]]) -> float | None:
    """When nobody wants an answer any more, None if somebody always does."""
    deadlines = [waiter.deadline for waiter in waiters if waiter.deadline is not None]
    return max(deadlines) if len(deadlines) == len(waiters) else None
