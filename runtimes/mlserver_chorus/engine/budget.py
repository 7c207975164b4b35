"""How many tokens a batch may have: what the models need, and less where memory has run out."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import monotonic

from . import metrics

logger = logging.getLogger("mlserver.chorus")

# Before anything is loaded, and so measured.
_UNMEASURED = 4096
# Whatever else took the memory may have given it back by then.
REST_SECONDS = 5.0


class Budget:
    """Tokens of a batch on a device, at most; `fixed` overrules what models were measured at."""

    def __init__(self, device: str, fixed: int | None = None) -> None:
        self._gauge = metrics.BUDGET.labels(device)
        self._fixed = fixed
        self._whole = self.tokens = fixed or _UNMEASURED
        self._rested = 0.0

    def measured(self, needs: Iterable[int]) -> None:
        """Take what the loaded models need; memory that has run out stays so."""
        shrunk = self.tokens < self._whole
        self._whole = self._fixed or max(needs, default=_UNMEASURED)
        self._set(min(self.tokens, self._whole) if shrunk else self._whole)

    def shrink(self, failed: int) -> None:
        """After a batch of `failed` tokens had too little memory: halves of it, for a while."""
        self._rested = monotonic() + REST_SECONDS
        if failed // 2 < self.tokens:
            self._set(max(failed // 2, 1))
            logger.warning("out of memory: batches of %d tokens at most, for now", self.tokens)

    def grow(self) -> None:
        """After a batch that went well: twice as much again, once there was time enough."""
        if self.tokens < self._whole and monotonic() >= self._rested:
            self._rested = monotonic() + REST_SECONDS
            self._set(min(2 * self.tokens, self._whole))

    def _set(self, tokens: int) -> None:
        self.tokens = tokens
        self._gauge.set(tokens)
