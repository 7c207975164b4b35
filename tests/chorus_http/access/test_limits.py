"""What one caller may have at a time, and in a while."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from chorus_http.access.limits import CallerLimits
from chorus_http.errors import OverConcurrency, OverRate


def test_without_limits_everything_passes() -> None:
    limits = CallerLimits()
    with ExitStack() as held:
        for _ in range(100):
            assert held.enter_context(limits.held("a", None, None)) == {}


def test_places_are_each_callers_own_and_free_again_whatever_happens() -> None:
    limits = CallerLimits()
    with limits.held("a", None, 1):
        with pytest.raises(OverConcurrency), limits.held("a", None, 1):
            pass
        with limits.held("b", None, 1):
            pass
    with pytest.raises(ZeroDivisionError), limits.held("a", None, 1):
        raise ZeroDivisionError
    with limits.held("a", None, 1):
        pass


def test_who_is_over_its_rate_is_told_when_to_come_back() -> None:
    limits = CallerLimits()
    with limits.held("a", "1/hour", None) as fields:
        assert fields["ratelimit"].startswith('"caller";r=0')
    with pytest.raises(OverRate) as caught, limits.held("a", "1/hour", 9):
        pass
    assert caught.value.status == 429
    assert caught.value.headers["retry-after"] == "3600"
    assert caught.value.headers["ratelimit-policy"] == '"caller";q=1;w=3600'
    with limits.held("b", "1/hour", None):
        pass


def test_a_request_that_finds_no_place_costs_nothing_of_the_rate() -> None:
    limits = CallerLimits()
    with limits.held("a", "2/hour", 1):
        for _ in range(5):
            with pytest.raises(OverConcurrency), limits.held("a", "2/hour", 1):
                pass
    with limits.held("a", "2/hour", 1):
        pass
