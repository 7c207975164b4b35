"""Notices a forward pass that does not come back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from weakref import WeakValueDictionary

from .types import Forward

logger = logging.getLogger("mlserver.chorus")

# A forward's first pass may take so many times longer: libraries set themselves up in it.
_FIRST = 6


class Watchdog:
    """The device's thread says when it begins and ends to wait; a thread of ours looks at times.

    `on_hang` is called on that thread, once per pass that takes longer than `seconds`, while the
    pass cannot end.
    """

    def __init__(self, seconds: float, on_hang: Callable[[], None]) -> None:
        self.hung = False
        self._seconds = seconds
        self._on_hang = on_hang
        self._pass: tuple[float, float] | None = None
        """When the pass began, and when it will have taken too long."""
        self._known: WeakValueDictionary[int, Forward] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="chorus-watchdog", daemon=True).start()

    def begins(self, forward: Forward) -> None:
        """A pass begins."""
        now = monotonic()
        known = self._known.get(id(forward)) is forward
        self._pass = (now, now + self._seconds * (1 if known else _FIRST))

    def ends(self, settled: Forward | None = None) -> None:
        """It came back, or failed; `settled` is a forward of which this was a whole pass."""
        with self._lock:
            took, self._pass = self.seconds, None
            recovered, self.hung = self.hung, False
        if settled is not None:
            self._known[id(settled)] = settled
        if recovered:
            logger.warning("the forward pass came back after %.0f s; serving again", took)

    @property
    def seconds(self) -> float:
        """For how long the pass has run; 0 between two of them."""
        current = self._pass
        return monotonic() - current[0] if current else 0.0

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._until_next_look()):
            with self._lock:
                if not self.hung and self._pass and monotonic() >= self._pass[1]:
                    self.hung = True
                    logger.error("a forward pass has not come back for %.0f s", self.seconds)
                    self._on_hang()

    def _until_next_look(self) -> float:
        """To the second where a pass would be late; one that begins in between is late later."""
        current = self._pass
        if current is None or self.hung:
            return self._seconds
        return max(current[1] - monotonic(), 0.0)
