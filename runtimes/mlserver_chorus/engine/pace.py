"""How fast the device is, learned from the batches it has done."""

from __future__ import annotations

# What a batch leaves of the memory of those before it: some ten batches make the average.
_KEPT = 0.8
# Two readings of a clock may be the same.
_SHORTEST = 1e-6


class Pace:
    """Tokens per second, None before anything was measured; a token counts once per model.

    A batch that was not full says only that the device can do so much at least.
    """

    per_second: float | None = None

    def __init__(self) -> None:
        self._tokens = self._seconds = 0.0

    def expect(self, per_second: float | None) -> None:
        """Begin with what was measured elsewhere."""
        if not self._seconds:
            self.per_second = per_second

    def did(self, tokens: int, seconds: float, *, full: bool) -> None:
        """Learn from a batch; `full` is whether more was waiting than it could take."""
        if not full and self.per_second and tokens < self.per_second * seconds:
            return
        self._tokens = _KEPT * self._tokens + tokens
        self._seconds = _KEPT * self._seconds + max(seconds, _SHORTEST)
        self.per_second = self._tokens / self._seconds
