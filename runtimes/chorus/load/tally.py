"""What a measurement counts, and the report that comes of it."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import NamedTuple

from chorus.load.connection import Verdict, Why

EXPLANATION_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Failures:
    """How many calls failed in one way, and what was said of the first."""

    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Report:
    """What one measurement saw: counts of texts, seconds of time and CPU, latency in ms.

    `good` ended while the window was open; failures and latencies are also of those that were in
    flight when it closed.
    """

    clients: int
    seconds: float
    good: int
    wrong: int
    refused: int
    """Answered 429 or 503."""
    errors: int
    dropped: int
    """Never sent, for every client was busy; none in a closed loop."""
    p50_ms: float
    """Of good texts, like `p99_ms`; in an open loop from the moment that sending was due."""
    p99_ms: float
    generator_cpu_s: float
    server_cpu_s: float
    machine_cpu_s: float
    first_failure: str | None = None
    late: int = 0
    """Sent after they were due, for no more clients were allowed; none in a closed loop."""
    latencies_ms: Sequence[float] = field(default=(), repr=False)
    """Of every good text, sorted."""
    failures: Mapping[str, Failures] = field(default_factory=dict)
    """By kind: a status, or what became of the connection."""
    lag_ms: float = math.nan
    """By how much the generator itself was late, at most but for one time in a hundred."""

    @property
    def sent(self) -> int:
        """Texts that were sent and have ended."""
        return self.good + self.failed

    @property
    def failed(self) -> int:
        """Texts without a good answer."""
        return self.wrong + self.refused + self.errors

    @property
    def others_cpu_s(self) -> float:
        """CPU seconds taken by everything but the server and the generator."""
        return max(0.0, self.machine_cpu_s - self.server_cpu_s - self.generator_cpu_s)

    @property
    def good_per_s(self) -> float:
        """Texts per second that were answered, and answered right; NaN of no time."""
        return self.good / self.seconds if self.seconds else math.nan


@dataclass(frozen=True)
class Meters:
    """CPU seconds used so far by the server and by the machine, where somebody can read them."""

    server: Callable[[], float] = lambda: 0.0
    machine: Callable[[], float] = lambda: 0.0


class Tally:
    """Counts the texts that end while its window is open."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self.over = False
        self.first_failure: str | None = None
        self.open_window()

    def open_window(self) -> None:
        """Start counting, from nothing."""
        self.dropped = 0
        self.late = 0
        self._counts: Counter[Verdict] = Counter()
        self._failures: dict[str, Failures] = {}
        self._latencies = array("d")
        self._lags = array("d")
        self._end: _Mark | None = None
        self._begin = self._mark()

    def record(self, verdict: Verdict, started: float) -> None:
        """A text has ended."""
        if not self.over:
            self._counts[verdict] += 1
            # The latency of a refusal would flatter the server.
            if verdict is Verdict.GOOD:
                self._latencies.append(perf_counter() - started)

    def lagged(self, seconds: float) -> None:
        """The generator was late by so much."""
        if self._end is None:
            self._lags.append(seconds)

    def fail(self, why: Why) -> None:
        """A text has failed that was not sent."""
        self.explain(why)
        if not self.over:
            self._counts[Verdict.FAILED] += 1

    def explain(self, why: Why) -> None:
        """Count a failure by its kind, and keep the words of the first."""
        if self.over:
            return
        said = ": ".join(filter(None, why))[:EXPLANATION_CHARACTERS]
        self.first_failure = self.first_failure or said
        known = self._failures.get(why.kind)
        example = known.example if known else why.words[:EXPLANATION_CHARACTERS]
        self._failures[why.kind] = Failures(known.count + 1 if known else 1, example)

    @property
    def good(self) -> int:
        """Texts answered well since the window was opened."""
        return self._counts[Verdict.GOOD]

    @property
    def failed(self) -> int:
        """Texts without a good answer since the window was opened."""
        return self._counts.total() - self.good

    @property
    def seconds(self) -> float:
        """For how long the window has been open."""
        return perf_counter() - self._begin.time

    def stop_clock(self) -> None:
        """End the window; what is in flight counts on, but adds nothing to the rate."""
        self._end = self._mark()

    def close_window(self, clients: int) -> Report:
        """Stop counting."""
        begin, end = self._begin, self._end or self._mark()
        self.over = True
        latencies = array("d", sorted(seconds * 1e3 for seconds in self._latencies))
        return Report(
            clients=clients,
            seconds=end.time - begin.time,
            good=end.good,
            wrong=self._counts[Verdict.WRONG],
            refused=self._counts[Verdict.REFUSED],
            errors=self._counts[Verdict.FAILED],
            dropped=self.dropped,
            p50_ms=percentile(latencies, 0.50),
            p99_ms=percentile(latencies, 0.99),
            generator_cpu_s=end.generator - begin.generator,
            server_cpu_s=end.server - begin.server,
            machine_cpu_s=end.machine - begin.machine,
            first_failure=self.first_failure,
            late=self.late,
            latencies_ms=latencies,
            failures=dict(self._failures),
            lag_ms=percentile(self._lags, 0.99) * 1e3,
        )

    def _mark(self) -> _Mark:
        used = (process_time(), self._meters.server(), self._meters.machine())
        return _Mark(perf_counter(), self.good, *used)


class _Mark(NamedTuple):
    """An edge of the window: the clock, the good texts so far, the CPU seconds used so far."""

    time: float
    good: int
    generator: float
    server: float
    machine: float


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]
