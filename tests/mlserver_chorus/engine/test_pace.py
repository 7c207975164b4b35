"""What batches teach about the device, and what they do not."""

from __future__ import annotations

import pytest

from mlserver_chorus.engine.pace import Pace


def learned(*batches: tuple[int, float, bool], expected: float | None = None) -> float | None:
    pace = Pace()
    pace.expect(expected)
    for tokens, seconds, full in batches:
        pace.did(tokens, seconds, full=full)
    return pace.per_second


def test_nothing_is_known_before_the_first_batch() -> None:
    assert learned() is None
    assert learned(expected=5000.0) == 5000


def test_full_batches_are_the_pace() -> None:
    assert learned((1000, 0.1, True)) == pytest.approx(10_000)
    assert learned(*[(1000, 0.1, True)] * 30, *[(1000, 0.2, True)] * 30) == pytest.approx(
        5000, rel=0.01
    )


def test_a_full_batch_counts_more_than_what_was_expected() -> None:
    assert learned((1000, 0.1, True), expected=1e6) == pytest.approx(10_000)


def test_a_small_batch_makes_no_device_slow() -> None:
    assert learned((1000, 0.1, True), *[(10, 0.01, False)] * 50) == pytest.approx(10_000)
    assert learned((10, 0.5, False), expected=9000.0) == 9000


def test_a_small_batch_shows_that_it_is_faster() -> None:
    stalled = (1000, 60.0, True)
    assert (learned(stalled, *[(100, 0.01, False)] * 50) or 0) > 9000


def test_a_clock_that_stood_still_divides_by_nothing() -> None:
    assert learned((10, 0.0, True)) is not None
