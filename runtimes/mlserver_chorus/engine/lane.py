"""The device lane: one thread, next batch → forward → settle, for all models of the process."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from time import monotonic

from . import metrics
from .admission import Admission
from .batcher import Batch, Batcher, Group
from .budget import Budget
from .errors import DeviceHung, DeviceLost, EngineClosed, EngineError, InferenceFailed
from .pace import Pace
from .passes import DeviceFailed, Passes, Result
from .replies import answer, fail
from .watchdog import Watchdog

logger = logging.getLogger("mlserver.chorus")


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A batch that was given to the device: its groups and what waits for their logits."""

    batch: Batch
    groups: list[tuple[Group, Result]]
    ahead: bool
    """Whether the device computes it by itself from here on."""
    started: float = field(default_factory=monotonic)


class Lane:
    """Runs every forward pass of a device, one after another.

    A pass that takes longer than `watchdog` seconds is given up, and until it comes back everybody
    who waits too.
    """

    def __init__(
        self,
        batcher: Batcher,
        admission: Admission,
        budget: Budget,
        pace: Pace,
        watchdog: float,
    ) -> None:
        self._batcher = batcher
        self._admission = admission
        self._budget = budget
        self._pace = pace
        self._watchdog = Watchdog(watchdog, self._hangs)
        self._passes = Passes(budget, self._watchdog)
        self._on_device: list[Batch] = []
        self._settled = 0.0
        self._lost: str | None = None
        self._thread = threading.Thread(target=self._run, name="chorus-device", daemon=True)
        self._thread.start()

    @property
    def down(self) -> bool:
        """Whether it answers nobody at present."""
        return self._watchdog.hung or self._lost is not None

    def problem(self) -> str | None:
        """Why it answers nobody, in one line."""
        if self._watchdog.hung:
            return f"a forward pass has not come back for {self._watchdog.seconds:.0f} s"
        return self._lost

    def loss(self) -> str | None:
        """Why it will not answer in this process again, in one line; a hung pass may come back."""
        return self._lost

    def stop(self, timeout: float) -> None:
        """Let what runs end within so many seconds, after the batcher was closed."""
        self._thread.join(0 if self._watchdog.hung else timeout)
        self._watchdog.stop()
        if self._thread.is_alive():
            self._fail_running(EngineClosed("the server is shutting down"))

    def refusal(self) -> EngineError:
        """What to answer while it is down."""
        return DeviceLost("the device does not answer at present; try again later")

    def _run(self) -> None:
        try:
            self._work()
        except DeviceFailed:
            self._give_up("the device failed")
        except BaseException:
            logger.exception("the device thread has ended")
            self._give_up("the device thread has ended")

    def _work(self) -> None:
        running: Running | None = None
        while True:
            self._on_device = [running.batch] if running else []
            batch = self._batcher.next_batch(wait=running is None)
            if batch is None and running is None:
                return
            started = self._start(batch) if batch and batch.entries else None
            # The next batch is on the device by now: settling this one holds nothing up.
            for each in (running, None if started and started.ahead else started):
                if each:
                    self._settle(each)
            running = started if started and started.ahead else None

    def _start(self, batch: Batch) -> Running | None:
        self._on_device = [*self._on_device, batch]
        try:
            _measure(batch)
            ahead = all(group.part.forward.runs_ahead for group in batch.groups)
            return Running(batch, [(g, self._passes.launch(g)) for g in batch.groups], ahead)
        except Exception:
            _blame_us(batch)
            return None

    def _settle(self, running: Running) -> None:
        try:
            for group, result in running.groups:
                started = running.started if running.ahead else monotonic()
                answer(self._passes.finish(group, result, started))
        except DeviceFailed:
            raise
        except Exception:
            _blame_us(running.batch)
        else:
            self._learn(running)

    def _learn(self, running: Running) -> None:
        """How fast the device is; of a batch that ran ahead, its time alone on the device."""
        now = monotonic()
        seconds, self._settled = now - max(running.started, self._settled), now
        batch = running.batch
        self._pace.did(sum(entry.work for entry in batch.entries), seconds, full=batch.full)
        self._budget.grow()

    def _hangs(self) -> None:
        """On the watchdog's thread, while the pass that hangs cannot end."""
        self._fail_running(DeviceHung("the device did not answer in time; try again later"))
        fail(self._admission.waiting(), self.refusal())

    def _give_up(self, problem: str) -> None:
        self._lost = problem
        self._fail_running(self.refusal())
        fail(self._admission.waiting(), self.refusal())

    def _fail_running(self, error: EngineError) -> None:
        fail((entry.request for batch in self._on_device for entry in batch.entries), error)


def _blame_us(batch: Batch) -> None:
    """In an `except`: a bug of ours must not end the only thread that answers."""
    logger.exception("a batch failed outside its forward pass")
    fail((entry.request for entry in batch.entries), InferenceFailed("internal error"))


def _measure(batch: Batch) -> None:
    now = monotonic()
    metrics.BATCH_ROWS.observe(len(batch.entries))
    for request in {id(e.request): e.request for e in batch.entries if e.row == 0}.values():
        metrics.QUEUE.observe(now - request.arrived)
        if request.timings:
            request.timings.taken = now
    for group in batch.groups:
        tokens = group.tokens()
        metrics.BATCH_TOKENS.observe(tokens.own)
        metrics.PADDING.inc(tokens.computed - tokens.own)
        metrics.PADDING_SAVED.inc(tokens.padded - tokens.computed)
