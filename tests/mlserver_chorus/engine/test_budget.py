"""The size of a batch where memory runs out, and after it has come back."""

from __future__ import annotations

import pytest

from mlserver_chorus.engine import budget as module
from mlserver_chorus.engine.budget import REST_SECONDS, Budget

from .conftest import sample


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def shown() -> float:
    return sample("chorus_engine_batch_budget_tokens", device="d")


def test_it_halves_what_failed_and_grows_back_in_time(clock: Clock) -> None:
    budget = Budget("d")
    budget.measured([1024, 512])
    for failed in (800, 400, 400, 900):
        budget.shrink(failed)
    assert (budget.tokens, shown()) == (200, 200)
    budget.grow()
    assert budget.tokens == 200
    seen = []
    for _ in range(4):
        clock.now += REST_SECONDS
        budget.grow()
        budget.grow()
        seen.append(shown())
    assert seen == [400, 800, 1024, 1024]


def test_another_failure_puts_off_the_growth(clock: Clock) -> None:
    budget = Budget("d", 1000)
    budget.shrink(500)
    clock.now += REST_SECONDS - 1
    budget.shrink(200)
    clock.now += REST_SECONDS - 1
    budget.grow()
    assert budget.tokens == 100


def test_a_model_that_comes_or_goes_brings_no_memory(clock: Clock) -> None:
    budget = Budget("d")
    budget.measured([1024])
    budget.shrink(600)
    budget.measured([4096])
    assert budget.tokens == 300
    budget.measured([256])
    assert budget.tokens == 256


def test_there_is_always_room_for_something(clock: Clock) -> None:
    budget = Budget("d")
    budget.shrink(1)
    assert budget.tokens == 1
