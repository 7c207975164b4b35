"""What the rounds say: medians and ranges, and ratios of what was measured beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from chorus.load.tally import Report, percentile
from chorus.measurement.histogram import Bucket, histogram
from chorus.measurement.probe import Subject

BUSY: Final = 0.85  # of a core: from here on a client in Python is what is measured
LATE: Final = 0.25  # of the usual latency: from here on the client adds much of it


@dataclass(frozen=True)
class Figure:
    """The median of the rounds, and the least and the greatest of them."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Failure:
    """So many requests failed in this way: a status, or what became of the connection."""

    kind: str
    count: int
    example: str
    """What was said of the first of them."""


@dataclass(frozen=True)
class Result:
    """What a server did; latencies are of good answers, in an open loop from when they were due."""

    url: str
    weights: str | None
    rounds: int
    good: int
    failed: int
    good_per_s: Figure | None
    """None, as each of the next ones, where there was no good answer."""
    p50_ms: Figure | None
    p90_ms: Figure | None
    p99_ms: Figure | None
    max_ms: Figure | None
    late: int
    """Sent after they were due, because as many clients as allowed were busy."""
    client_cpu: float
    """Of one core, which a client in Python cannot exceed."""
    client_lag_ms: float | None
    """By how much the client itself was late at most, but for one time in a hundred."""
    failures: Sequence[Failure]
    histogram: Sequence[Bucket]

    @property
    def is_client_busy(self) -> bool:
        """Whether the client is what was measured."""
        return self.client_cpu > BUSY

    @property
    def is_client_late(self) -> bool:
        """Whether the latencies are those of the client as much as of the server."""
        lag, usual = self.client_lag_ms, self.p50_ms
        return lag is not None and usual is not None and lag > LATE * usual.median


@dataclass(frozen=True)
class Ratios:
    """The first server's figures over the second's, of rounds that followed each other."""

    good_per_s: Figure | None
    p50_ms: Figure | None
    p99_ms: Figure | None


def result(subject: Subject, reports: Sequence[Report]) -> Result:
    """Sum up the rounds of a server."""
    seconds = sum(report.seconds for report in reports)
    cpu = sum(report.generator_cpu_s for report in reports)
    latencies = sorted(value for report in reports for value in report.latencies_ms)
    lags = [report.lag_ms for report in reports if math.isfinite(report.lag_ms)]
    return Result(
        url=subject.url,
        weights=subject.weights,
        rounds=len(reports),
        good=sum(report.good for report in reports),
        failed=sum(report.failed for report in reports),
        good_per_s=_figure([rate(report) for report in reports]),
        p50_ms=_figure([latency(0.50)(report) for report in reports]),
        p90_ms=_figure([latency(0.90)(report) for report in reports]),
        p99_ms=_figure([latency(0.99)(report) for report in reports]),
        max_ms=_figure([latency(1.0)(report) for report in reports]),
        late=sum(report.late for report in reports),
        client_cpu=round(cpu / seconds, 3) if seconds else 0.0,
        client_lag_ms=round(max(lags), 3) if lags else None,
        failures=_failures(reports),
        histogram=histogram(latencies),
    )


def ratios(first: Sequence[Report], second: Sequence[Report]) -> Ratios:
    """Compare the rounds that both have."""
    pairs = list(zip(first, second, strict=False))

    def of(value: Callable[[Report], float]) -> Figure | None:
        return _figure([_over(value(one), value(other)) for one, other in pairs])

    return Ratios(of(rate), of(latency(0.50)), of(latency(0.99)))


def rate(report: Report) -> float:
    """Good answers a second; NaN of none."""
    return report.good_per_s if report.good else math.nan


def latency(share: float) -> Callable[[Report], float]:
    """What a percentile of a report is, in ms."""
    return lambda report: percentile(report.latencies_ms, share)


def _over(one: float, other: float) -> float:
    return one / other if other else math.nan


def _figure(values: Sequence[float]) -> Figure | None:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None
    return Figure(*(float(f"{one:.5g}") for one in (median(known), min(known), max(known))))


def _failures(reports: Sequence[Report]) -> list[Failure]:
    kinds = dict.fromkeys(kind for report in reports for kind in report.failures)
    found = {kind: [r.failures[kind] for r in reports if kind in r.failures] for kind in kinds}
    return [
        Failure(kind, sum(one.count for one in all_), all_[0].example)
        for kind, all_ in found.items()
    ]
