"""Buckets that are full at first, and refilled evenly."""

from __future__ import annotations

import pytest

from chorus_http.access.rates import CallerRates, checked_rate, retry_after


class Clock:
    """Milliseconds, as a test says."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


def spent(rates: CallerRates, caller: str, rate: str, times: int) -> int:
    """How many of so many requests were let in."""
    return sum(rates.spend(caller, rate).allowed for _ in range(times))


@pytest.mark.parametrize("wrong", ["", "100", "100/day", "0/second", "-1/second", "1.5/second"])
def test_a_wrong_rate_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError, match="100/second"):
        checked_rate(wrong)


@pytest.mark.parametrize("rate", ["1/second", "100/second", "1000/minute", "7/hour"])
def test_a_full_bucket_and_what_flows_in(rate: str) -> None:
    limit, unit = rate.split("/")
    milliseconds = {"second": 1000, "minute": 60_000, "hour": 3_600_000}[unit]
    clock = Clock()
    rates = CallerRates(clock)
    assert spent(rates, "a", rate, int(limit) + 10) == int(limit)
    clock.now += milliseconds
    assert abs(spent(rates, "a", rate, int(limit) + 10) - int(limit)) <= 1


@pytest.mark.parametrize("rate", ["1/second", "100/second", "1000/minute", "7/hour"])
def test_after_retry_after_it_works(rate: str) -> None:
    clock = Clock()
    rates = CallerRates(clock)
    while (decision := rates.spend("a", rate)).allowed:
        pass
    assert retry_after(decision) >= 1
    clock.now += 1000 * retry_after(decision)
    assert rates.spend("a", rate).allowed


def test_callers_have_a_bucket_each() -> None:
    rates = CallerRates(Clock())
    assert spent(rates, "a", "5/minute", 9) == 5
    assert spent(rates, "b", "5/minute", 9) == 5


def test_memory_is_bounded_by_whom_was_seen_last() -> None:
    rates = CallerRates(Clock(), most_callers=100)
    for number in range(1000):
        rates.spend("always", "1/hour")
        rates.spend(str(number), "1/hour")
    assert len(rates) == 100
    assert not rates.spend("always", "1/hour").allowed
    assert rates.spend("0", "1/hour").allowed, "forgotten"


def test_a_new_rate_is_a_new_bucket() -> None:
    rates = CallerRates(Clock())
    assert spent(rates, "a", "1/hour", 9) == 1
    assert spent(rates, "a", "5/second", 9) == 5


def test_what_the_fields_say() -> None:
    rates = CallerRates(Clock())
    rate = "2/minute"
    left = []
    for _ in range(3):
        wait = retry_after(rates.spend("a", rate))
        left.append(rates.fields("a", rate, wait)["ratelimit"])
    assert left == ['"caller";r=1;t=30', '"caller";r=0;t=30', '"caller";r=0;t=30']
    assert rates.fields("a", rate)["ratelimit-policy"] == '"caller";q=2;w=60'
