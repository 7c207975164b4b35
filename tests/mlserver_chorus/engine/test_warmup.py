"""The choice of threads and of the batch budget, on forwards whose cost is known by counting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlserver_chorus.engine import threads, warmup
from mlserver_chorus.engine.types import Encoding

Cost = Callable[[int], float]


class Words:
    """A token per word, and no more than `limit`."""

    def __init__(self, limit: int = 512) -> None:
        self.limit = limit

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        return [Encoding([7] * (len(text.split()[: self.limit]) or 1)) for text in texts]


class CountedForward:
    """Notes how many tokens each run has, and on how many threads it was to run."""

    threads = 1

    def __init__(self) -> None:
        self.runs: list[tuple[int, int]] = []

    def collate(self, encodings: Sequence[Encoding]) -> int:
        return sum(len(encoding.ids) for encoding in encodings)

    def __call__(self, tokens: int) -> None:
        self.runs.append((tokens, self.threads))


class Clock:
    """Stands in for `threads.seconds`: runs the forward once and says what that costs."""

    def __init__(self, forward: CountedForward, cost: Cost) -> None:
        self.forward, self.cost = forward, cost
        self.measured: dict[int, float] = {}

    def __call__(self, run: Callable[[], object], threads: int) -> float:
        assert threads == self.forward.threads
        run()
        tokens, _ = self.forward.runs[-1]
        self.measured[tokens] = self.cost(tokens)
        return self.measured[tokens]


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, dict[int, float]]]:
    """The budget of a forward of that cost, and what was measured to find it."""

    def budget(cost: Cost, limit: int = 512) -> tuple[int, dict[int, float]]:
        forward: Any = CountedForward()
        clock = Clock(forward, cost)
        monkeypatch.setattr(threads, "seconds", clock)
        full = warmup.full_batch(forward, Words(limit))
        whole_texts = max(tokens for tokens in clock.measured if tokens <= full.tokens)
        assert full.per_second == pytest.approx(whole_texts / clock.measured[whole_texts])
        return full.tokens, clock.measured

    return budget


Measure = Callable[[Cost], tuple[int, dict[int, float]]]


def linear(overhead: float, per_token: float = 1e-6) -> Cost:
    """An overhead worth so many tokens, then the same for each token."""
    return lambda tokens: per_token * (overhead + tokens)


@pytest.mark.parametrize(
    ("overhead", "knee"),
    [(0, 256), (10, 512), (30, 1024), (100, 4096), (500, 8192), (1000, 16384), (1e5, 16384)],
)
def test_the_budget_is_where_larger_batches_gain_little(
    measure: Measure, overhead: float, knee: int
) -> None:
    """n tokens run at n / (overhead + n) of the full speed; 97 % of 16384's is enough."""
    budget, _ = measure(linear(overhead))
    assert budget == knee


def test_a_slow_run_ends_no_search(measure: Measure) -> None:
    for outlier in (512, 1024):
        budget, _ = measure(lambda n, slow=outlier: linear(100)(n) * (3 if n == slow else 1))  # type: ignore[misc]
        assert budget == 4096


def test_slower_and_slower_batches_end_it(measure: Measure) -> None:
    """Beyond 1024 tokens every doubling takes three times as long: what a small cache does."""

    def cost(tokens: int) -> float:
        doublings = max(0, (tokens // 1024).bit_length() - 1)
        return 1e-6 * (200 + min(tokens, 1024)) * float(3**doublings)

    budget, measured = measure(cost)
    assert budget == 1024
    assert max(measured) == 4096


def test_no_batch_is_tried_that_would_hold_the_device_too_long(measure: Measure) -> None:
    """A second per 10000 tokens and 0.1 s per run: 4096 take 0.5 s, and twice that is too much."""
    budget, measured = measure(linear(1000, per_token=1e-4))
    assert sorted(measured) == [256, 512, 1024, 2048, 4096]
    assert max(measured.values()) <= 1.0
    assert budget == 4096


def test_equal_speed_at_every_size_takes_the_smallest_and_ends_the_search(measure: Measure) -> None:
    budget, measured = measure(linear(0))
    assert (budget, max(measured)) == (256, 1024)


def test_a_device_too_slow_for_anything_gets_the_smallest_batch(measure: Measure) -> None:
    assert measure(lambda tokens: 10.0) == (256, {256: 10.0})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    overhead=st.floats(0, 1e5),
    per_token=st.floats(1e-9, 1e-2),
    noise=st.lists(st.floats(1, 5), min_size=7, max_size=7),
    limit=st.integers(1, 600),
)
def test_the_budget_is_a_doubling_within_bounds(
    measure: Callable[..., tuple[int, dict[int, float]]],
    overhead: float,
    per_token: float,
    noise: list[float],
    limit: int,
) -> None:
    rest = iter(noise)
    budget, measured = measure(lambda n: linear(overhead, per_token)(n) * next(rest), limit)
    assert budget in [256 * 2**n for n in range(7)]
    assert 1 <= len(measured) <= 7
    assert max(measured) <= 16384
    assert budget / 2 < max(measured), "nothing is chosen that was not tried"


@pytest.fixture
def _restored() -> Iterator[None]:
    yield
    torch.set_num_threads(threads.MOST)


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(
    ("cost", "expected"), [(lambda n: 1 / n, threads.MOST), (lambda n: float(n), 1)]
)
def test_a_forward_gets_the_threads_that_pay(
    monkeypatch: pytest.MonkeyPatch, cost: Cost, expected: int
) -> None:
    """Work that threads divide, and work that every further one slows down."""
    forward: Any = CountedForward()

    def seconds(run: Callable[[], object], count: int) -> float:
        threads.use(count)
        run()
        assert forward.runs[-1][1] == count, "a run is on the threads that it is measured for"
        return cost(count)

    monkeypatch.setattr(threads, "seconds", seconds)
    assert warmup.choose_threads(forward, Words()) == expected
    assert forward.threads == expected


def test_a_measurement_is_on_the_forwards_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    forward: Any = CountedForward()
    forward.threads = 7
    monkeypatch.setattr(threads, "seconds", Clock(forward, lambda tokens: 0.25))
    assert warmup.seconds(forward, Words()) == 0.25
    ((tokens, used),) = forward.runs
    assert used == 7
    assert 0 < tokens < 256
