"""The device lane: one thread, next batch → forward → settle, for all models of the process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import NoReturn

import numpy as np

from . import metrics
from .batcher import Batch, Batcher, Group
from .errors import InferenceFailed
from .replies import answer, fail
from .types import Logits, Request

logger = logging.getLogger("mlserver.chorus")


class Lane:
    """Runs every forward pass of a device, one after another."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._thread = threading.Thread(target=self._run, name="chorus-device", daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the running batch to end, after the batcher was closed. Seconds."""
        self._thread.join(timeout)

    def _run(self) -> None:
        running: Running | None = None
        while True:
            batch = self._batcher.next_batch(wait=running is None)
            if batch is None and running is None:
                return
            started = _start(batch) if batch else None
            # The next batch is on the device by now: settling this one holds nothing up.
            for each in (running, None if started and started.ahead else started):
                if each:
                    _settle(each)
            running = started if started and started.ahead else None


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A batch that was given to the device: its groups and what waits for their logits."""

    batch: Batch
    groups: list[tuple[Group, Callable[[], Logits]]]
    ahead: bool
    """Whether the device computes it by itself from here on."""
    started: float = field(default_factory=monotonic)


def _start(batch: Batch) -> Running | None:
    try:
        _measure(batch)
        ahead = all(group.part.forward.runs_ahead for group in batch.groups)
        return Running(batch, [(group, _launch(group)) for group in batch.groups], ahead)
    except Exception:
        _blame_us(batch)
        return None


def _launch(group: Group) -> Callable[[], Logits]:
    try:
        return group.part.forward.start(group.inputs)
    except Exception as error:
        return partial(_raise, error)


def _raise(error: Exception) -> NoReturn:
    raise error


def _settle(running: Running) -> None:
    try:
        for group, result in running.groups:
            answer(_finish(group, result, running.started if running.ahead else monotonic()))
    except Exception:
        _blame_us(running.batch)


def _blame_us(batch: Batch) -> None:
    """In an `except`: a bug of ours must not end the only thread that answers."""
    logger.exception("a batch failed outside its forward pass")
    fail((entry.request for entry in batch.entries), InferenceFailed("internal error"))


def _finish(group: Group, result: Callable[[], Logits], started: float) -> list[Request]:
    """Wait for a group, by halves where it fails; the requests that need no more rows."""
    try:
        logits = _checked(group, result())
    except Exception as error:
        if len(group.members) > 1:
            metrics.SPLITS.labels(group.part.name).inc()
            halves = group.halves()
            return [r for half in halves for r in _finish(half, _launch(half), monotonic())]
        return [_fail(group, error)]
    metrics.FORWARD.labels(group.part.name).observe(monotonic() - started)
    return _fill(group, logits)


def _checked(group: Group, logits: Logits) -> Logits:
    """The logits, if they are one finite row per member; ValueError otherwise."""
    if logits.shape != (len(group.members), group.part.labels):
        raise ValueError(f"the forward gave {logits.shape} for {len(group.members)} texts")
    if not np.isfinite(logits).all():
        raise ValueError("the forward gave a value that is not finite")
    return logits


def _fill(group: Group, logits: Logits) -> list[Request]:
    """Write each row into its request; those that are complete now."""
    finished = []
    for (entry, index), row in zip(group.members, logits, strict=True):
        request = entry.request
        request.logits[index][entry.row] = row
        request.pending -= 1
        if request.pending == 0:
            finished.append(request)
    return finished


def _fail(group: Group, error: Exception) -> Request:
    """Fail the one request of a group that failed alone; the log names no text."""
    ((entry, _),) = group.members
    name = group.part.name
    metrics.FAILED.labels(name).inc()
    logger.error("%s failed on one text: %s", name, type(error).__name__)
    entry.request.error = InferenceFailed(f"model {name} failed on this input")
    return entry.request


def _measure(batch: Batch) -> None:
    now = monotonic()
    metrics.BATCH_ROWS.observe(len(batch.entries))
    for request in {id(e.request): e.request for e in batch.entries if e.row == 0}.values():
        metrics.QUEUE.observe(now - request.arrived)
    for group in batch.groups:
        lengths = [len(encoding.ids) for encoding in group.encodings]
        cost = group.part.forward.collate.tokens(len(lengths), max(lengths), sum(lengths))
        metrics.BATCH_TOKENS.observe(sum(lengths))
        metrics.PADDING.inc(cost - sum(lengths))
