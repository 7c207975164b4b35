"""Waits after failures: longer and longer, within bounds, never alike."""

from __future__ import annotations

from chorus_discovery.backoff import FIRST_SECONDS, MOST_SECONDS, Backoff


def test_waits_double_up_to_the_bound() -> None:
    backoff = Backoff()
    for failures in range(2000):
        longest = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures, 10))
        assert longest / 2 <= backoff.next() <= longest
    assert backoff.failures == 2000


def test_many_do_not_come_back_at_one_moment() -> None:
    assert len({Backoff().next() for _ in range(100)}) > 90


def test_a_reset_begins_anew() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next() <= FIRST_SECONDS
