"""Forward passes to answers: a group that fails is tried again by halves; one fails alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import NoReturn

import numpy as np

from . import memory, metrics
from .batcher import Group
from .budget import Budget
from .errors import InferenceFailed
from .failures import Kind, WrongRows, kind_of
from .timings import Pass
from .types import Logits, Request
from .watchdog import Watchdog

logger = logging.getLogger("mlserver.chorus")

Result = Callable[[], Logits]
"""Waits for the logits of a pass that has begun; raises what went wrong with it."""


class DeviceFailed(Exception):
    """No later pass on this device can succeed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with a pass; not the exception, which holds on to the memory it ran in."""

    kind: Kind
    name: str


class Passes:
    """Runs the forwards of one device, on its thread."""

    def __init__(self, budget: Budget, watchdog: Watchdog) -> None:
        self._budget = budget
        self._watchdog = watchdog

    def launch(self, group: Group) -> Result:
        """Begin with a group; what goes wrong is the result's to say."""
        forward = group.part.forward
        self._watchdog.begins(forward)
        try:
            return forward.start(group.inputs)
        except Exception as error:
            return partial(_raise, error)
        finally:
            self._watchdog.ends()

    def finish(self, group: Group, result: Result, started: float) -> list[Request]:
        """Wait for a group that began then; the requests that need no more rows.

        Raises DeviceFailed.
        """
        outcome = self._outcome(group, result)
        ended = monotonic()
        if isinstance(outcome, Failure):
            _tell(group, started, ended, outcome)
            return self._isolate(group, outcome)
        _tell(group, started, ended)
        metrics.FORWARD.labels(group.part.name).observe(ended - started)
        return _fill(group, outcome)

    def _outcome(self, group: Group, result: Result) -> Logits | Failure:
        forward = group.part.forward
        self._watchdog.begins(forward)
        try:
            return _checked(group, result())
        except Exception as error:
            failure = Failure(kind_of(error), type(error).__name__)
            error.__traceback__ = None  # the frames there keep the tensors that were too many
            return failure
        finally:
            self._watchdog.ends(forward)

    def _isolate(self, group: Group, failure: Failure) -> list[Request]:
        """Answer a group that failed: by halves, or one text alone with an error."""
        name, kind = group.part.name, failure.kind
        if kind is Kind.DEVICE:
            logger.error("%s: the device failed: %s", name, failure.name)
            raise DeviceFailed
        if kind is Kind.MEMORY:
            metrics.OUT_OF_MEMORY.labels(name).inc()
            memory.empty_cache()
            if len(group.members) > 1:  # a smaller batch cannot help a text that fails alone
                self._budget.shrink(group.tokens().computed)
        if kind is Kind.ROWS:
            metrics.WRONG_ROWS.labels(name).inc()
        if kind is Kind.ROWS or len(group.members) == 1:
            return _fail(group, failure)
        metrics.SPLITS.labels(name).inc()
        return [
            request
            for half in group.halves()
            for request in self.finish(half, self.launch(half), monotonic())
        ]


def _tell(group: Group, began: float, ended: float, failure: Failure | None = None) -> None:
    """Let those requests of a group know of the pass that want to."""
    timings = {t for entry, _ in group.members if (t := entry.request.timings) is not None}
    if timings:
        kind = failure.kind.name.lower() if failure else None
        one = Pass(group.part.name, len(group.members), group.tokens().own, began, ended, kind)
        for each in timings:
            each.passes.append(one)


def _raise(error: Exception) -> NoReturn:
    raise error


def _checked(group: Group, logits: Logits) -> Logits:
    """The logits, if they are one finite row per member. Raises WrongRows or ValueError."""
    if logits.shape != (len(group.members), group.part.labels):
        raise WrongRows
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


_WORDS = {
    Kind.MEMORY: "model {} ran out of memory on this input",
    Kind.ROWS: "model {} gave another number of answers than of texts",
}


def _fail(group: Group, failure: Failure) -> list[Request]:
    """Fail what is left of a group; the log names no text."""
    name = group.part.name
    metrics.FAILED.labels(name).inc(len(group.members))
    logger.error("%s failed on %d texts: %s", name, len(group.members), failure.name)
    words = _WORDS.get(failure.kind, "model {} failed on this input").format(name)
    requests = list(dict.fromkeys(entry.request for entry, _ in group.members))
    for request in requests:
        request.error = InferenceFailed(words)
    return requests
