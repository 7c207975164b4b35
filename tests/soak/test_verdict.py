"""The verdict on series that were made up: what must pass, what must fail, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pytest
from tests.soak.tally import Minute
from tests.soak.verdict import (
    SETTLING_MIB,
    Check,
    Record,
    Series,
    growth,
    growth_limit,
    passed,
    verdict,
)

HOUR = 3600.0
SHORT = 300.0
EVERY_S = 5.0


def series(
    seconds: float = HOUR,
    rss: Callable[[float], float] = lambda second: 600.0,
    descriptors: Callable[[float], float] = lambda second: 40,
    threads: Callable[[float], float] = lambda second: 19,
) -> Series:
    moments = [EVERY_S * i for i in range(int(seconds / EVERY_S) + 1)]
    parts = ([part(moment) for moment in moments] for part in (rss, descriptors, threads))
    return Series(moments, *parts)


def minutes(p99: Sequence[float]) -> list[Minute]:
    return [Minute(1000, 10.0, each) for each in p99]


HEALTHY = Record(
    warmup_s=300.0,
    processes={"runtime 7": series()},
    strays=(),
    metrics={"runtime": (500, 540)},
    minutes=minutes([50.0] * 55),
    others_cores=[0.01] * 55,
    requests=1000,
    wrong=0,
    unexpected=0,
    exit_code=0,
)


def with_series(one: Series, warmup_s: float = 300.0) -> Record:
    return replace(HEALTHY, processes={"runtime 7": one}, warmup_s=warmup_s)


def failures(record: Record) -> list[str]:
    checks = verdict(record)
    failed = [check.name for check in checks if check.passed is False]
    assert passed(checks) == (not failed)
    return failed


def check_of(record: Record, name: str) -> Check:
    (check,) = [check for check in verdict(record) if check.name == name]
    return check


def test_a_healthy_hour_passes() -> None:
    assert failures(HEALTHY) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"wrong": 1}, "wrong answers"),
        ({"unexpected": 1}, "unexpected statuses"),
        ({"strays": ("runtime 9",)}, "processes that came or went"),
        ({"metrics": {"runtime": (500, 4000)}}, "metric series of runtime"),
        ({"exit_code": 1}, "exit code"),
        ({"exit_code": None}, "exit code"),
    ],
)
def test_one_is_too_many(change: dict[str, object], name: str) -> None:
    assert failures(replace(HEALTHY, **change)) == [name]  # type: ignore[arg-type]


def rising(mib_per_hour: float, noise: float = 0.0) -> Callable[[float], float]:
    random = Random(1)
    return lambda second: 600 + mib_per_hour * second / HOUR + random.gauss(0, noise)


@pytest.mark.parametrize(("mib_per_hour", "leaks"), [(0, False), (15, False), (25, True)])
def test_20_mib_an_hour_are_too_many(mib_per_hour: float, leaks: bool) -> None:
    record = with_series(series(rss=rising(mib_per_hour, noise=5.0)))
    assert failures(record) == (["memory of runtime 7"] if leaks else [])


def test_the_warm_up_may_grow() -> None:
    warming = series(rss=lambda second: 600 + min(second, 300.0))
    assert failures(with_series(warming)) == []


def test_memory_that_is_given_back_is_no_leak() -> None:
    assert failures(with_series(series(rss=lambda second: 900 - second / 60))) == []


def test_a_short_run_forgives_the_settling_and_no_more() -> None:
    length = SHORT - 120.0
    for share, leaks in ((0.8, False), (1.2, True)):
        climb = rising(share * SETTLING_MIB * HOUR / length)
        record = with_series(series(SHORT, rss=climb), warmup_s=120.0)
        assert failures(record) == (["memory of runtime 7"] if leaks else [])


def test_the_limit_of_the_hour_is_the_promise_and_of_minutes_the_settling() -> None:
    assert growth_limit(HOUR) == pytest.approx(20.0)
    assert growth_limit(HOUR - 300.0) == pytest.approx(20.0 * 55 / 60)
    assert growth_limit(180.0) == SETTLING_MIB


def test_growth_is_that_of_the_line() -> None:
    assert growth(series(rss=rising(60.0))) == pytest.approx(60.0)
    assert growth(series()) == pytest.approx(0.0)


@pytest.mark.parametrize("what", ["descriptors", "threads"])
def test_what_rises_slowly_is_seen(what: str) -> None:
    leaking: dict[str, Callable[[float], float]] = {what: lambda second: 40 + second // 300}
    assert failures(with_series(series(**leaking))) == [f"{what} of runtime 7"]  # type: ignore[arg-type]


def test_threads_that_die_are_seen() -> None:
    dying = series(threads=lambda second: 40 - second // 300)
    assert failures(with_series(dying)) == ["threads of runtime 7"]


def test_peaks_are_no_leak() -> None:
    random = Random(2)
    peaks = series(descriptors=lambda second: 40 + random.choice([0, 0, 3, 30]))
    assert failures(with_series(peaks)) == []


LATENCY = "p99 of the last 10 min to the first"


def test_a_server_that_gets_slower_fails() -> None:
    slower = replace(HEALTHY, minutes=minutes([50.0 + i / 2 for i in range(55)]))
    assert failures(slower) == [LATENCY]


def test_some_slow_minutes_are_noise() -> None:
    burst = replace(HEALTHY, minutes=minutes([50.0] * 48 + [500.0] * 7))
    assert failures(burst) == []


def test_a_machine_that_got_busier_is_no_judge() -> None:
    busy = replace(
        HEALTHY,
        minutes=minutes([50.0] * 45 + [90.0] * 10),
        others_cores=[0.01] * 45 + [0.9] * 10,
    )
    assert check_of(busy, LATENCY).passed is None
    assert "others took 0.9 cores more" in check_of(busy, LATENCY).figure


def test_a_short_run_does_not_judge_latency() -> None:
    short = replace(HEALTHY, minutes=minutes([50.0] * 3), others_cores=[0.0] * 3)
    assert check_of(short, LATENCY).passed is None
    assert failures(short) == []
