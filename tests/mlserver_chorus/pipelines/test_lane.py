"""One thread per model: order, sharing, blame, and callers who leave or run out of time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import pytest
from tests.live.callers import until

from mlserver_chorus.engine.errors import (
    DeadlineExceeded,
    EngineClosed,
    InferenceFailed,
    Overloaded,
    QueueTimeout,
)
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import lane as lanes
from mlserver_chorus.pipelines import metrics
from mlserver_chorus.pipelines.lane import Lane
from mlserver_chorus.pipelines.pace import Pace
from mlserver_chorus.pipelines.running import Left, Run


@dataclass
class Pipe:
    """Doubles numbers; fails on what is poison; holds still while `gate` is closed."""

    gate: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    runs: list[list[Any]] = field(default_factory=list)
    poison: Any = None
    error: BaseException = field(default_factory=lambda: RuntimeError("canary"))

    def __call__(self, inputs: list[Any], left: Left) -> list[Any]:
        self.begun.set()
        self.gate.wait()
        self.runs.append(list(inputs))
        if self.poison in inputs:
            raise self.error
        return [2 * one for one in inputs]


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("m", 4, 30.0)
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.gate.set()  # or the lane's thread waits for ever


async def busy(lane: Lane, pipe: Pipe) -> asyncio.Task[list[Any]]:
    """A call that holds the thread."""
    first = asyncio.create_task(lane.run([0], pipe, key="first"))
    await until(pipe.begun.is_set, "the first run")
    return first


async def soon(lane: Lane, inputs: list[Any], run: Run, **who: Any) -> asyncio.Task[list[Any]]:
    """A call that waits in the lane."""
    task = asyncio.create_task(lane.run(inputs, run, **who))
    await asyncio.sleep(0)
    return task


async def queued(lane: Lane, pipe: Pipe, *calls: tuple[list[Any], str | None]) -> list[Any]:
    """Calls that all wait behind one that holds the thread."""
    first = await busy(lane, pipe)
    tasks = [await soon(lane, inputs, pipe, shares=shares) for inputs, shares in calls]
    pipe.gate.set()
    await first
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_equal_options_share_a_run_and_get_their_own_rows(lane: Lane, pipe: Pipe) -> None:
    results = await queued(lane, pipe, ([1, 2], "a"), ([9], "b"), ([3], "a"))
    assert results == [[2, 4], [18], [6]]
    assert pipe.runs == [[0], [1, 2, 3], [9]]


async def test_no_options_share_with_nobody(lane: Lane, pipe: Pipe) -> None:
    assert await queued(lane, pipe, ([1], None), ([2], None)) == [[2], [4]]
    assert pipe.runs == [[0], [1], [2]]


async def test_a_large_request_runs_in_parts(lane: Lane, pipe: Pipe) -> None:
    pipe.gate.set()
    assert await lane.run(list(range(10)), pipe, shares="a") == [2 * n for n in range(10)]
    assert [len(run) for run in pipe.runs] == [4, 4, 2]


async def test_callers_take_turns(lane: Lane, pipe: Pipe) -> None:
    first = await busy(lane, pipe)
    greedy = [await soon(lane, [n], pipe, key="greedy") for n in (1, 2, 3)]
    modest = await soon(lane, [10, 20], pipe, key="modest")
    pipe.gate.set()
    assert await asyncio.gather(first, modest, *greedy) == [[0], [20, 40], [2], [4], [6]]
    assert [run[0] for run in pipe.runs] == [0, 1, 10, 2, 3]


# --------------------------------------------------------------------------------- blame


async def test_only_the_guilty_fails(lane: Lane, pipe: Pipe) -> None:
    pipe.poison = 3
    first, second, third = await queued(lane, pipe, ([1], "a"), ([3], "a"), ([4, 5], "a"))
    assert (first, third) == ([2], [8, 10])
    assert isinstance(second, InferenceFailed)
    assert "canary" not in str(second)


async def test_a_refusal_keeps_its_words(lane: Lane, pipe: Pipe) -> None:
    pipe.gate.set()
    pipe.poison, pipe.error = 1, InvalidRequest("inputs", "why")
    with pytest.raises(InvalidRequest, match="inputs: why"):
        await lane.run([1], pipe)


async def test_results_that_do_not_add_up_answer_nobody(lane: Lane) -> None:
    def short(inputs: list[Any], left: Left) -> list[Any]:
        return [0]

    bugs = metrics.MISCOUNTED.labels("m")._value.get()
    with pytest.raises(InferenceFailed):
        await lane.run([1], lambda inputs, left: [])
    assert await lane.run([1, 2], short, shares="a") == [0, 0]  # one by one they do
    assert metrics.MISCOUNTED.labels("m")._value.get() - bugs == 2


async def test_a_dead_thread_is_a_problem_and_keeps_nobody_waiting(pipe: Pipe) -> None:
    lane = Lane("the dead", 4, 30.0)
    assert lanes.first_problem() is None
    pipe.poison, pipe.error = 0, SystemExit()
    first = await busy(lane, pipe)
    waits = await soon(lane, [1], pipe)
    pipe.gate.set()
    for task in (first, waits):
        with pytest.raises(InferenceFailed):
            await task
    lane.join(10)
    assert lanes.first_problem() == "the thread of model the dead has ended"
    with pytest.raises(EngineClosed):
        await lane.run([2], pipe)
    lane.close()
    assert lanes.first_problem() is None


# ------------------------------------------------------------------------ leaving, in time


async def test_who_left_is_not_run(lane: Lane, pipe: Pipe) -> None:
    first = await busy(lane, pipe)
    gone = await soon(lane, [1], pipe, shares="a")
    stays = await soon(lane, [2], pipe, shares="a")
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    pipe.gate.set()
    assert await stays == [4]
    assert await first == [0]
    assert pipe.runs == [[0], [2]]


async def test_who_waits_too_long_hears_so_and_is_not_run(pipe: Pipe) -> None:
    lane = Lane("m", 4, 0.01)
    first = await busy(lane, pipe)
    with pytest.raises(QueueTimeout):
        await lane.run([1], pipe)
    pipe.gate.set()
    assert await first == [0]
    assert pipe.runs == [[0]]
    lane.close()


async def test_the_deadline_counts_in_the_line_and_what_is_late_is_not_run(
    lane: Lane, pipe: Pipe
) -> None:
    first = await busy(lane, pipe)
    with pytest.raises(DeadlineExceeded):
        await lane.run([1], pipe, deadline=monotonic() + 0.01)
    with pytest.raises(DeadlineExceeded):
        await lane.run([2], pipe, deadline=monotonic() - 1)
    pipe.gate.set()
    assert await first == [0]
    assert await lane.run([3], pipe, deadline=monotonic() + 60) == [6]
    assert pipe.runs == [[0], [3]]


@pytest.mark.parametrize("how", ["leaves", "is late"])
async def test_what_runs_for_nobody_learns_of_it(lane: Lane, how: str) -> None:
    stopped = threading.Event()
    stops = metrics.STOPPED.labels("m")._value.get()

    def generate(began: threading.Event, inputs: list[Any], left: Left) -> list[Any]:
        began.set()
        while not left():
            threading.Event().wait(0.001)
        stopped.set()
        raise RuntimeError("ended early")

    began = threading.Event()
    deadline = monotonic() + 0.05 if how == "is late" else None
    task = await soon(lane, [1], partial(generate, began), deadline=deadline)
    if how == "leaves":
        await until(began.is_set, "the run")
        task.cancel()
    with pytest.raises((asyncio.CancelledError, DeadlineExceeded)):
        await task
    await until(stopped.is_set, "its end")
    assert await lane.run([2], lambda inputs, left: inputs) == [2]
    assert metrics.STOPPED.labels("m")._value.get() - stops == 1


async def test_what_runs_for_one_of_two_goes_on(lane: Lane, pipe: Pipe) -> None:
    first = await busy(lane, pipe)
    seen: list[bool] = []

    def look(inputs: list[Any], left: Left) -> list[Any]:
        gone.cancel()
        until_gone.wait(10)
        seen.append(left())
        return inputs

    until_gone = threading.Event()
    gone = await soon(lane, [1], look, shares="a")
    gone.add_done_callback(lambda _: until_gone.set())
    stays = await soon(lane, [2], look, shares="a")
    pipe.gate.set()
    assert await stays == [2]
    assert await first == [0]
    assert seen == [False]


# ------------------------------------------------------------------------------ the bound


async def test_beyond_the_bound_a_caller_is_refused(
    lane: Lane, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING", 3)
    first = await busy(lane, pipe)
    large = await soon(lane, [1, 2, 3, 4], pipe, shares="a")  # alone it may be any size
    with pytest.raises(Overloaded):
        await lane.run([5], pipe)
    pipe.gate.set()
    assert await first == [0]
    assert await large == [2, 4, 6, 8]


async def test_one_callers_line_keeps_no_other_out(
    lane: Lane, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING", 4)
    first = await busy(lane, pipe)
    greedy = await soon(lane, [1, 2, 3, 4], pipe, key="greedy")
    modest = await soon(lane, [5, 6], pipe, key="modest")
    for key, inputs in (("greedy", [7]), ("modest", [7]), ("third", [7, 8])):
        with pytest.raises(Overloaded):
            await lane.run(inputs, pipe, key=key)
    pipe.gate.set()
    answers = list(await asyncio.gather(first, greedy, modest))
    assert answers == [[0], [2, 4, 6, 8], [10, 12]]


def takes(seconds: float) -> Pace:
    """What is known of a model that takes so long for each input."""
    pace = Pace()
    pace.ran(seconds, 1)
    return pace


async def test_who_could_not_be_answered_in_time_is_refused_at_once(pipe: Pipe) -> None:
    lane = Lane("m", 1, 200.0)
    lane._pace = takes(10.0)
    first = await busy(lane, pipe)
    line = [await soon(lane, [n], pipe) for n in range(21)]
    with pytest.raises(Overloaded):
        await lane.run([99], pipe)
    modest = await soon(lane, [50], pipe, key="modest")  # whose turn comes after one input
    pipe.gate.set()
    assert await asyncio.gather(*line) == [[2 * n] for n in range(21)]
    assert (await first, await modest) == ([0], [100])
    lane.close()


async def test_a_near_deadline_is_refused_at_once_and_a_few_always_wait(
    lane: Lane, pipe: Pipe
) -> None:
    lane._pace = takes(1000.0)
    first = await busy(lane, pipe)
    line = [await soon(lane, [n], pipe) for n in range(lanes.FEW + 1)]
    with pytest.raises(Overloaded):
        await lane.run([99], pipe, deadline=monotonic() + 60)
    pipe.gate.set()
    assert await asyncio.gather(*line) == [[2 * n] for n in range(lanes.FEW + 1)]
    assert await first == [0]


async def test_those_who_left_take_no_room(
    lane: Lane, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING", 3)
    first = await busy(lane, pipe)
    leaving = [await soon(lane, [n], pipe) for n in (1, 2, 3)]
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    stays = [await soon(lane, [n], pipe) for n in (4, 5, 6)]
    pipe.gate.set()
    assert await asyncio.gather(first, *stays) == [[0], [8], [10], [12]]


async def test_closing_fails_what_waits_and_what_runs_and_ends_the_thread(
    lane: Lane, pipe: Pipe
) -> None:
    first = await busy(lane, pipe)
    waits = await soon(lane, [1], pipe)
    lane.close()
    for task in (first, waits):
        with pytest.raises(EngineClosed):
            await task
    pipe.gate.set()
    await asyncio.to_thread(lane.join, 10)
    assert not lane._thread.is_alive()
    assert lane.problem is None
    with pytest.raises(EngineClosed):
        await lane.run([2], pipe)
