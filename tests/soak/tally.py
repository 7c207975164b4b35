"""What came of the requests: counts by kind and status, latencies by minute."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tests.soak.mix import Kind, is_timed
from tests.soak.target import Outcome

from chorus.load.tally import percentile

EXAMPLES = 20
LONGEST_WHY = 200
MINUTE_S = 60.0


class Minute(NamedTuple):
    """The good requests of one minute; milliseconds, NaN where there was none."""

    requests: int
    p50_ms: float
    p99_ms: float


class Tally:
    """Counts; `seconds` is since the start of the load."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """By kind of client and what it was told."""
        self.wrong = 0
        self.unexpected = 0
        self.skipped = 0
        """Never sent, for all clients were busy."""
        self.examples: list[str] = []
        self._minutes: list[list[float]] = []

    def record(self, kind: Kind, outcome: Outcome, began: float, ended: float) -> None:
        """A request has ended; its latency counts for the minute in which it began."""
        self.counts[kind.name, outcome.said] += 1
        self.wrong += bool(outcome.wrong)
        self.unexpected += not outcome.expected
        if (outcome.wrong or not outcome.expected) and len(self.examples) < EXAMPLES:
            why = outcome.wrong or outcome.error
            self.examples.append(f"{began:.1f} s: {kind.name}: {outcome.said} {why[:LONGEST_WHY]}")
        if is_timed(kind) and outcome.expected:
            self._latencies(began).append(ended - began)

    @property
    def requests(self) -> int:
        """All that have ended."""
        return self.counts.total()

    def minutes(self) -> list[Minute]:
        """Every minute so far, the one that runs included."""
        return [
            Minute(len(each), percentile(each, 0.50) * 1e3, percentile(each, 0.99) * 1e3)
            for each in self._minutes
        ]

    def _latencies(self, seconds: float) -> list[float]:
        number = int(seconds // MINUTE_S)
        while len(self._minutes) <= number:
            self._minutes.append([])
        return self._minutes[number]
