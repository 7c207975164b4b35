"""What a soak does, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_S = 5.0


@dataclass(frozen=True)
class Plan:
    """What to do, and for how long."""

    minutes: float = 60.0
    subject: str = "classifiers"
    share: float = 0.7
    """Of the capacity that is measured first."""
    seed: int = 1

    @property
    def seconds(self) -> float:
        """How long the load lasts."""
        return self.minutes * 60

    @property
    def warmup_s(self) -> float:
        """Not judged: allocators, pools and lazy imports fill up. 5 min of 60, 2 of 5."""
        return min(300.0, 0.4 * self.seconds)

    @property
    def measuring_s(self) -> float:
        """How long the capacity is measured."""
        return min(10.0, 0.1 * self.seconds)

    @property
    def sample_s(self) -> float:
        """Seconds between samples: 36 of them at least after the warm-up."""
        return min(SAMPLE_S, self.seconds / 60)
