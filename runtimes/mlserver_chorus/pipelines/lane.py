"""One worker thread per model: callers take turns, and what may run together does.

Inputs of requests that share run together; a run that fails is split by halves, so that only the
guilty request fails; whoever left, or is too late, is dropped before its turn.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial
from time import monotonic
from typing import Any
from weakref import WeakSet

from mlserver.errors import MLServerError

from ..engine.errors import (
    DeadlineExceeded,
    EngineClosed,
    EngineError,
    InferenceFailed,
    Overloaded,
)
from ..engine.timings import Pass, Timings
from . import metrics
from .pace import Pace
from .running import Miscounted, Run, counted
from .waiting import Request, Row, Waiting

logger = logging.getLogger("mlserver.chorus")

# What may wait at most: memory, where the model's pace would let more in. Several callers get an
# equal share each, so that no one's line keeps another out.
MAX_WAITING = 4096
# What may wait whatever the pace: it is an estimate, and one long answer must not close the door.
FEW = 8

_LANES: WeakSet[Lane] = WeakSet()


def first_problem() -> str | None:
    """Why a pipeline of this process cannot answer, in a line; None while every one can."""
    return next((lane.problem for lane in list(_LANES) if lane.problem), None)


class Lane:
    """Runs a model's calls one after another; at most `max_rows` inputs in one run.

    A request waits at most `max_wait` seconds for its first run.
    """

    def __init__(self, name: str, max_rows: int, max_wait: float) -> None:
        self._name = name
        self._max_rows = max_rows
        self._max_wait = max_wait
        self._waiting = Waiting()
        self._running: list[Row] = []
        self._pace = Pace()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"chorus-{name}", daemon=True)
        self._thread.start()
        _LANES.add(self)
        for counter in (metrics.STOPPED, metrics.MISCOUNTED, metrics.SPLITS, metrics.FAILED):
            counter.labels(name)  # so that it is there from the beginning, at 0

    @property
    def problem(self) -> str | None:
        """Why nothing is run any more although nobody has closed the lane."""
        if self._closed or self._thread.is_alive():
            return None
        return f"the thread of model {self._name} has ended"

    def queue_age(self) -> float:
        """For how many seconds the oldest input has waited; 0 where none does."""
        with self._changed:
            return self._waiting.age()

    async def run(
        self,
        inputs: list[Any],
        run: Run,
        *,
        shares: str | None = None,
        key: str = "",
        deadline: float | None = None,
        timings: Timings | None = None,
    ) -> list[Any]:
        """One result per input, in order. Cancelling drops what has not begun and stops the rest.

        Requests of equal `shares` may share a run; those of different `key`s take turns. What
        happens when is told to `timings`, if there are any. Raises
        what `run` raises of ours, Overloaded, QueueTimeout, DeadlineExceeded, InferenceFailed or
        EngineClosed.
        """
        loop = asyncio.get_running_loop()
        request = Request(inputs, run, shares, key, deadline, loop.create_future(), timings)
        if timings:
            timings.queued = monotonic()
        self._put(request)
        timers = [loop.call_later(self._max_wait, request.waited_too_long)]
        if deadline is not None:
            timers.append(loop.call_later(request.left(), request.expire))
        try:
            return await request.future
        except BaseException:
            self._withdraw(request)
            raise
        finally:
            for timer in timers:
                timer.cancel()

    def _put(self, request: Request) -> None:
        with self._changed:
            if self._closed:
                raise EngineClosed("the model is being unloaded")
            if self.problem:
                raise EngineClosed("the model cannot answer at present")
            self._check(request)
            self._waiting.put(request)
            metrics.WAITING.inc(len(request.inputs))
            self._changed.notify()

    def _check(self, request: Request) -> None:
        """Refuse now who would be refused later, after waiting for nothing."""
        if request.left() <= 0:
            raise DeadlineExceeded("the deadline has passed")
        waits = self._waiting.own(request.key) + len(request.inputs)
        ahead = self._waiting.ahead(request.key)
        patience = min(self._max_wait, request.left())
        # Alone in the line, a request may be of any size.
        crowded = len(self._waiting) and waits > MAX_WAITING // self._waiting.callers(request.key)
        if crowded or (ahead > FEW and self._pace.time_for(ahead) > patience):
            raise Overloaded("too many inputs are waiting; try again shortly")

    def _withdraw(self, request: Request) -> None:
        with self._changed:
            dropped = self._waiting.remove(request)
        metrics.WAITING.dec(dropped)
        metrics.DROPPED.inc(dropped)

    def close(self) -> None:
        """Stop: what waits and what runs fails with EngineClosed, and a generation ends early."""
        with self._changed:
            self._closed = True
            left = self._clear()
            self._changed.notify()
        for request in left:
            request.fail(EngineClosed("the model is being unloaded"))

    def _clear(self) -> list[Request]:
        metrics.WAITING.dec(len(self._waiting))
        return [*self._waiting.clear(), *(row.request for row in self._running)]

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, after `close`. Seconds."""
        self._thread.join(timeout)

    def _work(self) -> None:
        try:
            while rows := self._next():
                self._run(rows)
                del rows  # or its inputs stay in memory for as long as nobody asks
        except BaseException as error:
            # Nobody comes after this thread: whoever waits for it must hear so.
            logger.critical("the thread of model %s ends: %s", self._name, type(error).__name__)
            with self._changed:
                left = self._clear()
            for request in left:
                request.fail(InferenceFailed(f"model {self._name} failed"))

    def _next(self) -> list[Row]:
        """The inputs of the next run; none when the lane is closed."""
        with self._changed:
            self._running = []
            while not self._closed:
                waited = len(self._waiting)
                self._running = self._waiting.take(self._max_rows)
                gone = waited - len(self._waiting)
                metrics.WAITING.dec(gone)
                metrics.DROPPED.inc(gone - len(self._running))
                if self._running:
                    for row in self._running:
                        row.request.started = True
                    _tell_taken(self._running)
                    break
                self._changed.wait()
            return self._running

    def _run(self, rows: list[Row]) -> None:
        metrics.RUN_ROWS.observe(len(rows))
        began = monotonic()
        with metrics.RUN.labels(self._name).time():
            self._settle(rows)
        self._pace.ran(monotonic() - began, len(rows))

    def _settle(self, rows: list[Row]) -> None:
        began = monotonic()
        try:
            given = rows[0].request.run([row.input for row in rows], partial(_all_left, rows))
            results = counted(given, rows)
        except Exception as error:
            self._tell(rows, began, failure="text")
            self._split(rows, error)
            return
        self._tell(rows, began)
        for row, result in zip(rows, results, strict=True):
            request = row.request
            request.results[row.index] = result
            request.pending -= 1
            if request.pending == 0:
                request.answer()

    def _tell(self, rows: list[Row], began: float, failure: str | None = None) -> None:
        """Let those requests know of a run that want to."""
        timings = {t for row in rows if (t := row.request.timings) is not None}
        one = Pass(self._name, len(rows), None, began, monotonic(), failure)
        for each in timings:
            each.passes.append(one)

    def _split(self, rows: list[Row], error: Exception) -> None:
        """Run the halves of what failed; of a single input, fail its request."""
        if _all_left(rows):
            metrics.STOPPED.labels(self._name).inc()
            return
        if isinstance(error, Miscounted):
            metrics.MISCOUNTED.labels(self._name).inc()
        if len(rows) == 1:
            self._fail(rows[0].request, error)
            return
        metrics.SPLITS.labels(self._name).inc()
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            if living := [row for row in half if not row.request.dead]:
                self._settle(living)

    def _fail(self, request: Request, error: Exception) -> None:
        """Only words of ours reach the caller, or the log: others may hold the input."""
        if isinstance(error, MLServerError | EngineError):
            request.fail(error)
            return
        metrics.FAILED.labels(self._name).inc()
        logger.error("%s failed on one input: %s", self._name, type(error).__name__)
        request.fail(InferenceFailed(f"model {self._name} failed on this input"))


def _tell_taken(rows: list[Row]) -> None:
    now = monotonic()
    for row in rows:
        if (timings := row.request.timings) and timings.taken is None:
            timings.taken = now


def _all_left(rows: list[Row]) -> bool:
    return all(row.request.dead for row in rows)
