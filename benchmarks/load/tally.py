"""What a measurement counts, and the report that comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import NamedTuple

import psutil

from benchmarks.load.connection import Verdict

EXPLANATION_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Report:
    """What one measurement saw: counts of texts, seconds of time and CPU, latency in ms."""

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

    @property
    def sent(self) -> int:
        """Texts that were sent and have ended."""
        return self.good + self.wrong + self.refused + self.errors

    @property
    def others_cpu_s(self) -> float:
        """CPU seconds taken by everything but the server and the generator."""
        return max(0.0, self.machine_cpu_s - self.server_cpu_s - self.generator_cpu_s)

    @property
    def good_per_s(self) -> float:
        """Texts per second that were answered, and answered right."""
        return self.good / self.seconds


class Tally:
    """Counts the texts that end while its window is open."""

    def __init__(self, server_cpu: Callable[[], float]) -> None:
        self._server_cpu = server_cpu
        self.over = False
        self.first_failure: str | None = None
        self.open_window()

    def open_window(self) -> None:
        """Start counting, from nothing."""
        self.dropped = 0
        self._counts: Counter[Verdict] = Counter()
        self._latencies: list[float] = []
        self._cpu = self._used()
        self._opened = perf_counter()

    def record(self, verdict: Verdict, started: float) -> None:
        """A text has ended."""
        if not self.over:
            self._counts[verdict] += 1
            # The latency of a refusal would flatter the server.
            if verdict is Verdict.GOOD:
                self._latencies.append(perf_counter() - started)

    def unreachable(self) -> None:
        """A client could not connect."""
        if not self.over:
            self._counts[Verdict.FAILED] += 1

    def explain(self, what: str) -> None:
        """Keep the first failure's words."""
        if self.first_failure is None and not self.over:
            self.first_failure = what[:EXPLANATION_CHARACTERS]

    def close_window(self, clients: int) -> Report:
        """Stop counting."""
        seconds, cpu = perf_counter() - self._opened, self._used()
        self.over = True
        return Report(
            clients=clients,
            seconds=seconds,
            good=self._counts[Verdict.GOOD],
            wrong=self._counts[Verdict.WRONG],
            refused=self._counts[Verdict.REFUSED],
            errors=self._counts[Verdict.FAILED],
            dropped=self.dropped,
            p50_ms=percentile(self._latencies, 0.50) * 1e3,
            p99_ms=percentile(self._latencies, 0.99) * 1e3,
            generator_cpu_s=cpu.generator - self._cpu.generator,
            server_cpu_s=cpu.server - self._cpu.server,
            machine_cpu_s=cpu.machine - self._cpu.machine,
            first_failure=self.first_failure,
        )

    def _used(self) -> _Cpu:
        return _Cpu(process_time(), self._server_cpu(), _machine_cpu())


class _Cpu(NamedTuple):
    """CPU seconds used so far."""

    generator: float
    server: float
    machine: float


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    if not values:
        return float("nan")
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _machine_cpu() -> float:
    """CPU seconds that all of the machine's processes have used; stolen time counts too."""
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    guests: float = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    # The kernel has counted guests in user time already.
    return float(sum(times)) - idle - guests
