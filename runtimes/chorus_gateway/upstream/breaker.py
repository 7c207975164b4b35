"""A circuit breaker: who fails again and again is left alone until somebody finds it well.

closed ──so many failures in a row──▶ open ──pause──▶ one trial ──▶ closed, or open again
                                       └──somebody else's probe──▶ closed
"""

import logging
import math
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

NO_TRIALS: Final = math.inf  # as a pause: only a probe closes the breaker again


def _ignore(_: bool) -> None:
    """Nobody is told."""


class Breaker:
    """What is known of one server; `on_change` is told whether it is open.

    `pause` is in seconds of the monotonic clock. It does no I/O and belongs to one event loop. It
    starts open where there are other servers until this one has been seen to serve.
    """

    def __init__(
        self,
        name: str,
        failures: int,
        pause: float = NO_TRIALS,
        on_change: Callable[[bool], None] = _ignore,
        is_open: bool = False,
    ) -> None:
        self._name = name
        self._most_failures = failures
        self._pause = pause
        self._on_change = on_change
        self._failures = 0
        self._next_trial: float | None = None  # None: closed
        if is_open:
            self._next_trial = math.inf
            on_change(True)

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for a trial now and then."""
        return self._next_trial is not None

    def admits(self) -> bool:
        """Ask for leave to call; while it is open, one caller in each pause gets it, for a trial.

        A trial that nobody reports on, because its caller left, is followed by another.
        """
        if self._next_trial is None:
            return True
        now = time.monotonic()
        if now < self._next_trial:
            return False
        self._next_trial = now + self._pause
        return True

    def worked(self) -> None:
        """Take note of an answer, whatever it says."""
        self._failures = 0
        if self._next_trial is not None:
            self._next_trial = None
            logger.info("model server %s serves: it gets calls", self._name)
            self._on_change(False)

    def failed(self) -> None:
        """Take note of a call without an answer."""
        self._failures += 1
        if self._failures >= self._most_failures:
            self.open()

    def open(self) -> None:
        """Refuse calls from now on, for a pause at least."""
        if self._next_trial is None:
            logger.warning("model server %s does not answer: it gets no calls", self._name)
            self._on_change(True)
        self._next_trial = time.monotonic() + self._pause
