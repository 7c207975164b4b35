"""How long a model takes for an input, of late."""

from __future__ import annotations

# Of the newest run: half of the mean is from the last three or so, which follows a change of what
# is asked for within seconds and does not jump with a single long answer.
_WEIGHT = 0.2


class Pace:
    """An exponentially weighted mean over the runs; nothing is known before the first of them."""

    def __init__(self) -> None:
        self._seconds: float | None = None

    def ran(self, seconds: float, inputs: int) -> None:
        """Learn from a run of so many inputs."""
        each = seconds / inputs
        if self._seconds is None:
            self._seconds = each
        else:
            self._seconds += _WEIGHT * (each - self._seconds)

    def time_for(self, inputs: int) -> float:
        """Seconds that so many inputs will take; 0 as long as nothing is known."""
        return inputs * (self._seconds or 0.0)
