"""Whether a soak was passed: a pure function of what was sampled and counted.

A leak is a line that rises. Memory is judged by the line of least squares through all samples
after the warm-up. Descriptors and threads breathe with the load, so there the lowest value counts:
that of the last third against that of the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression, median
from typing import NamedTuple

from tests.soak.tally import Minute

HOUR_S = 3600.0
MIB_PER_HOUR = 20.0
SETTLING_MIB = 40.0
"""What an allocator may still take in a short run: three times what it took in the last 3 min of
healthy runs of 5 min, 13 MiB at most. Of 30,000 texts in that time, a leak of 1.5 KB each is above
it."""
SETTLED_S = 1500.0
FLAT = 5
MORE_SERIES = 200
"""Of metrics: what is rare may come late for the first time; names made up come by thousands."""
SLOWER = 1.2
TEN = 10
SLOW_MINUTES = 8
"""Of ten: a neighbour's burst makes one or two minutes slow, a server that ages makes all slow."""
BUSIER = 0.1
"""Cores that others took more at the end than at the beginning: the machine is another one then."""


@dataclass(frozen=True)
class Series:
    """One process over time."""

    seconds: Sequence[float]
    rss_mib: Sequence[float]
    descriptors: Sequence[float]
    threads: Sequence[float]


@dataclass(frozen=True)
class Record:
    """Everything that the verdict rests on."""

    warmup_s: float
    processes: Mapping[str, Series]
    """By role and process id."""
    strays: Sequence[str]
    """Processes that were not there from the first sample to the last."""
    metrics: Mapping[str, tuple[int, int]]
    """By the page's server, how many series there were after the warm-up and at the end."""
    minutes: Sequence[Minute]
    """Whole minutes from the end of the warm-up on."""
    others_cores: Sequence[float]
    """For each of these minutes, how many cores the rest of the machine has used."""
    requests: int
    wrong: int
    unexpected: int
    exit_code: int | None
    """None where the server did not end."""


class Check(NamedTuple):
    """One line of the verdict; `passed` is None where a run of this length cannot tell."""

    name: str
    passed: bool | None
    figure: str
    limit: str


def verdict(record: Record) -> list[Check]:
    """Every check of a soak."""
    checks = [
        Check("wrong answers", record.wrong == 0, f"{record.wrong} of {record.requests}", "0"),
        Check("unexpected statuses", record.unexpected == 0, f"{record.unexpected}", "0"),
    ]
    for name, series in record.processes.items():
        checks += [_memory(name, _after(record.warmup_s, series)), *_counts(name, record, series)]
    checks += [_series(page, *ends) for page, ends in record.metrics.items()]
    strays = ", ".join(record.strays) or "none"
    return [
        *checks,
        _latency(record),
        Check("processes that came or went", not record.strays, strays, "none"),
        Check("exit code", record.exit_code == 0, str(record.exit_code), "0"),
    ]


def passed(checks: Sequence[Check]) -> bool:
    """Whether none has failed."""
    return all(check.passed is not False for check in checks)


def growth(series: Series) -> float:
    """MiB by which the line of least squares through the memory rises."""
    slope, _ = linear_regression(series.seconds, series.rss_mib)
    return slope * (series.seconds[-1] - series.seconds[0])


def growth_limit(seconds: float) -> float:
    """MiB by which memory may grow in so many seconds: 20 MiB/h, in a short run the settling."""
    promised = MIB_PER_HOUR * seconds / HOUR_S
    return promised if seconds >= SETTLED_S else SETTLING_MIB


def _memory(name: str, series: Series) -> Check:
    seconds = series.seconds[-1] - series.seconds[0]
    grown, limit = growth(series), growth_limit(seconds)
    figure = f"{grown:+.1f} MiB, {grown * HOUR_S / seconds:+.0f} MiB/h"
    return Check(f"memory of {name}", grown < limit, figure, f"< {limit:.1f} MiB")


def _counts(name: str, record: Record, series: Series) -> list[Check]:
    after = _after(record.warmup_s, series)
    return [
        _flat(f"descriptors of {name}", after.descriptors),
        _flat(f"threads of {name}", after.threads),
    ]


def _flat(name: str, values: Sequence[float]) -> Check:
    third = len(values) // 3
    first, last = min(values[:third]), min(values[-third:])
    return Check(name, abs(last - first) <= FLAT, f"{first:.0f} → {last:.0f}", f"± {FLAT}")


def _series(page: str, first: int, last: int) -> Check:
    name, limit = f"metric series of {page}", f"+ {MORE_SERIES}"
    return Check(name, last - first <= MORE_SERIES, f"{first} → {last}", limit)


def _latency(record: Record) -> Check:
    name, limit = "p99 of the last 10 min to the first", f"≤ {SLOWER}"
    if len(record.minutes) < 2 * TEN:
        return Check(name, None, "too short a run", limit)
    usual = median(minute.p99_ms for minute in record.minutes[:TEN])
    last = [minute.p99_ms for minute in record.minutes[-TEN:]]
    busier = median(record.others_cores[-TEN:]) - median(record.others_cores[:TEN])
    ratio = median(last) / usual
    slow = sum(p99 > SLOWER * usual for p99 in last)
    figure = f"{ratio:.2f}, {slow} of {TEN} minutes above"
    if slow < SLOW_MINUTES:
        return Check(name, True, figure, limit)
    if busier > BUSIER:
        figure += f", but others took {busier:.1f} cores more"
        return Check(name, None, figure, limit)
    return Check(name, False, figure, limit)


def _after(seconds: float, series: Series) -> Series:
    first = next(i for i, moment in enumerate(series.seconds) if moment >= seconds)
    parts = (series.seconds, series.rss_mib, series.descriptors, series.threads)
    return Series(*(part[first:] for part in parts))
