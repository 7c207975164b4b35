"""What a soak does, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_S = 5.0
SHORT_MINUTES = 30.0
LEAN = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "524288"}
"""glibc hands freed memory back to the system at once."""


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

    @property
    def environment(self) -> dict[str, str]:
        """For the server: all as it is served, but in a short run a lean allocator.

        glibc keeps what was freed, and takes some minutes until it has enough: up to 200 MiB, in
        which no leak of a few minutes could be seen.
        """
        return LEAN if self.minutes < SHORT_MINUTES else {}
