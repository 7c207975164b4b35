"""The device lane: one thread, next batch → forward → settle, for all models of the process."""

from __future__ import annotations

import logging
import threading
from time import monotonic

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
        while (batch := self._batcher.next_batch()) is not None:
            try:
                self._step(batch)
            except Exception:
                # A bug of ours must not end the only thread that answers.
                logger.exception("a batch failed outside its forward pass")
                fail((e.request for e in batch.entries), InferenceFailed("internal error"))

    def _step(self, batch: Batch) -> None:
        _measure(batch)
        for group in batch.groups:
            answer(self._forward(group))

    def _forward(self, group: Group) -> list[Request]:
        """Run a group, by halves where it fails; the requests that need no more rows."""
        started = monotonic()
        try:
            logits = _checked(group, group.model.forward(group.inputs))
        except Exception as error:
            if len(group.members) > 1:
                metrics.SPLITS.labels(group.model.name).inc()
                return [r for half in group.halves() for r in self._forward(half)]
            return [_fail(group, error)]
        metrics.FORWARD.labels(group.model.name).observe(monotonic() - started)
        return _fill(group, logits)


def _checked(group: Group, logits: Logits) -> Logits:
    """The logits, if they are one finite row per member; ValueError otherwise."""
    if logits.shape != (len(group.members), len(group.model.labels)):
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
    name = group.model.name
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
        cost = group.model.forward.collate.tokens(len(lengths), max(lengths), sum(lengths))
        metrics.BATCH_TOKENS.observe(sum(lengths))
        metrics.PADDING.inc(cost - sum(lengths))
