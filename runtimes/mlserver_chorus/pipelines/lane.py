"""One worker thread per model: what waits goes in order, and what may run together does.

A request carries its own reply. Rows of requests with equal options share a run; a run that fails
is split by halves, so that only the guilty request fails; whoever left is dropped before its turn.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlserver.errors import MLServerError

from ..engine.errors import EngineClosed, EngineError, InferenceFailed, Overloaded, QueueTimeout
from . import metrics

logger = logging.getLogger("mlserver.chorus")

# What one request may hold at most by default; beyond it a caller had better hear "busy" at once.
MAX_WAITING = 4096

Run = Callable[[list[Any]], Sequence[Any]]
"""Inputs to one result for each; on the lane's thread."""


@dataclass(eq=False)
class Request:
    """One caller's inputs and where their results go."""

    inputs: list[Any]
    run: Run
    key: str | None
    """Requests of one key may share a run; None shares with nobody."""
    future: asyncio.Future[list[Any]]
    started: bool = False
    results: list[Any] = field(default_factory=list)
    pending: int = 0

    def __post_init__(self) -> None:
        self.results = [None] * len(self.inputs)
        self.pending = len(self.inputs)

    @property
    def dead(self) -> bool:
        """Whether nobody waits any more: answered, failed, or gone."""
        return self.future.done()

    def fail(self, error: Exception) -> None:
        """Answer with an error, from any thread."""
        self._on_loop(self.future.set_exception, error)

    def answer(self) -> None:
        """Answer with the results, from any thread."""
        self._on_loop(self.future.set_result, self.results)

    def _on_loop(self, settle: Callable[[Any], object], outcome: Any) -> None:
        loop = self.future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, settle, outcome)

    def _settle(self, settle: Callable[[Any], object], outcome: Any) -> None:
        if not self.dead:
            settle(outcome)


@dataclass(frozen=True, slots=True)
class Row:
    """One input of a request."""

    request: Request
    index: int

    @property
    def input(self) -> Any:
        """What the run gets."""
        return self.request.inputs[self.index]


class Lane:
    """Runs a model's calls one after another; at most `max_rows` inputs in one run."""

    def __init__(self, name: str, max_rows: int, max_wait: float) -> None:
        self._name = name
        self._max_rows = max_rows
        self._max_wait = max_wait
        self._waiting: deque[Row] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"chorus-{name}", daemon=True)
        self._thread.start()

    async def run(self, inputs: list[Any], run: Run, key: str | None = None) -> list[Any]:
        """One result per input, in order. Cancelling drops what has not begun.

        Raises what `run` raises of ours, Overloaded, QueueTimeout, InferenceFailed or EngineClosed.
        """
        loop = asyncio.get_running_loop()
        request = Request(inputs, run, key, loop.create_future())
        self._put(request)
        expiry = loop.call_later(self._max_wait, _expire, request)
        try:
            return await request.future
        finally:
            expiry.cancel()

    def _put(self, request: Request) -> None:
        with self._changed:
            if self._closed:
                raise EngineClosed("the model is being unloaded")
            if self._waiting and len(self._waiting) + len(request.inputs) > MAX_WAITING:
                raise Overloaded("too many inputs are waiting; try again shortly")
            self._waiting.extend(Row(request, index) for index in range(len(request.inputs)))
            metrics.WAITING.inc(len(request.inputs))
            self._changed.notify()

    def close(self) -> None:
        """Stop after the run under way; what waits fails with EngineClosed."""
        with self._changed:
            self._closed = True
            left = {id(row.request): row.request for row in self._waiting}
            metrics.WAITING.dec(len(self._waiting))
            self._waiting.clear()
            self._changed.notify()
        for request in left.values():
            request.fail(EngineClosed("the model is being unloaded"))

    def join(self, timeout: float) -> None:
        """Wait for the run under way to end, after `close`. Seconds."""
        self._thread.join(timeout)

    def _work(self) -> None:
        while rows := self._next():
            metrics.RUN_ROWS.observe(len(rows))
            with metrics.RUN.labels(self._name).time():
                self._settle(rows)
            del rows  # or its inputs stay in memory for as long as nobody asks

    def _next(self) -> list[Row]:
        """The rows of the next run, in order of arrival; none when the lane is closed."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return []
                if rows := self._take():
                    return rows

    def _take(self) -> list[Row]:
        """The first living row, and of those behind it what may share its run."""
        taken: list[Row] = []
        kept: deque[Row] = deque()
        while self._waiting and len(taken) < self._max_rows:
            row = self._waiting.popleft()
            if row.request.dead:
                metrics.WAITING.dec()
                metrics.DROPPED.inc()
                continue
            if not taken or _together(taken[0].request, row.request):
                row.request.started = True
                taken.append(row)
            else:
                kept.append(row)
        kept.extend(self._waiting)
        self._waiting = kept
        metrics.WAITING.dec(len(taken))
        return taken

    def _settle(self, rows: list[Row]) -> None:
        try:
            results = rows[0].request.run([row.input for row in rows])
            if len(results) != len(rows):
                raise ValueError(f"{len(results)} results for {len(rows)} inputs")
        except Exception as error:
            if len(rows) > 1:
                metrics.SPLITS.labels(self._name).inc()
                middle = len(rows) // 2
                for half in (rows[:middle], rows[middle:]):
                    if living := [row for row in half if not row.request.dead]:
                        self._settle(living)
            else:
                self._fail(rows[0].request, error)
            return
        for row, result in zip(rows, results, strict=True):
            request = row.request
            request.results[row.index] = result
            request.pending -= 1
            if request.pending == 0:
                request.answer()

    def _fail(self, request: Request, error: Exception) -> None:
        """Only words of ours reach the caller, or the log: others may hold the input."""
        if isinstance(error, MLServerError | EngineError):
            request.fail(error)
            return
        metrics.FAILED.labels(self._name).inc()
        logger.error("%s failed on one input: %s", self._name, type(error).__name__)
        request.fail(InferenceFailed(f"model {self._name} failed on this input"))


def _together(first: Request, second: Request) -> bool:
    return first is second or (first.key is not None and first.key == second.key)


def _expire(request: Request) -> None:
    """On the event loop: give up on a request that no run has taken in time."""
    if not request.started and not request.dead:
        request.future.set_exception(QueueTimeout("the server is too busy to answer in time"))
