"""One thread per model: order, sharing, blame, and callers who leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mlserver_chorus.engine.errors import EngineClosed, InferenceFailed, Overloaded, QueueTimeout
from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import lane as lanes
from mlserver_chorus.pipelines.lane import Lane


@dataclass
class Pipe:
    """Doubles numbers; fails on what is poison; holds still while `gate` is closed."""

    gate: threading.Event = field(default_factory=threading.Event)
    runs: list[list[Any]] = field(default_factory=list)
    poison: Any = None
    error: Exception = field(default_factory=lambda: RuntimeError("canary"))

    def __call__(self, inputs: list[Any]) -> list[Any]:
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


async def queued(lane: Lane, pipe: Pipe, *calls: tuple[list[Any], str | None]) -> list[Any]:
    """Calls that all wait behind one that holds the thread."""
    first = asyncio.create_task(lane.run([0], pipe, "first"))
    await asyncio.sleep(0.05)
    tasks = [asyncio.create_task(lane.run(inputs, pipe, key)) for inputs, key in calls]
    await asyncio.sleep(0.05)
    pipe.gate.set()
    await first
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_equal_options_share_a_run_and_get_their_own_rows(lane: Lane, pipe: Pipe) -> None:
    results = await queued(lane, pipe, ([1, 2], "a"), ([9], "b"), ([3], "a"))
    assert results == [[2, 4], [18], [6]]
    assert pipe.runs == [[0], [1, 2, 3], [9]]


async def test_no_key_shares_with_nobody(lane: Lane, pipe: Pipe) -> None:
    assert await queued(lane, pipe, ([1], None), ([2], None)) == [[2], [4]]
    assert pipe.runs == [[0], [1], [2]]


async def test_a_large_request_runs_in_parts(lane: Lane, pipe: Pipe) -> None:
    pipe.gate.set()
    assert await lane.run(list(range(10)), pipe, "a") == [2 * n for n in range(10)]
    assert [len(run) for run in pipe.runs] == [4, 4, 2]


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
    def short(inputs: list[Any]) -> list[Any]:
        return [0]

    with pytest.raises(InferenceFailed):
        await lane.run([1], lambda inputs: [])
    assert await lane.run([1, 2], short, "a") == [0, 0]  # one by one they do


async def test_who_left_is_not_run(lane: Lane, pipe: Pipe) -> None:
    first = asyncio.create_task(lane.run([0], pipe))
    await asyncio.sleep(0.05)
    gone = asyncio.create_task(lane.run([1], pipe, "a"))
    stays = asyncio.create_task(lane.run([2], pipe, "a"))
    await asyncio.sleep(0.05)
    gone.cancel()
    await asyncio.sleep(0.05)
    pipe.gate.set()
    assert await stays == [4]
    assert await first == [0]
    assert pipe.runs == [[0], [2]]


async def test_who_waits_too_long_hears_so_and_is_not_run(pipe: Pipe) -> None:
    lane = Lane("m", 4, 0.05)
    first = asyncio.create_task(lane.run([0], pipe))
    await asyncio.sleep(0.02)
    with pytest.raises(QueueTimeout):
        await lane.run([1], pipe)
    pipe.gate.set()
    assert await first == [0]
    assert await lane.run([2], pipe) == [4]
    assert pipe.runs == [[0], [2]]
    lane.close()


async def test_beyond_the_bound_a_caller_is_refused(
    lane: Lane, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_WAITING", 3)
    first = asyncio.create_task(lane.run([0], pipe))
    await asyncio.sleep(0.05)
    large = asyncio.create_task(lane.run([1, 2, 3, 4], pipe, "a"))  # alone it may be any size
    await asyncio.sleep(0.05)
    with pytest.raises(Overloaded):
        await lane.run([5], pipe)
    pipe.gate.set()
    assert await first == [0]
    assert await large == [2, 4, 6, 8]


async def test_closing_fails_what_waits_and_ends_the_thread(lane: Lane, pipe: Pipe) -> None:
    first = asyncio.create_task(lane.run([0], pipe))
    await asyncio.sleep(0.05)
    waits = asyncio.create_task(lane.run([1], pipe))
    await asyncio.sleep(0.05)
    lane.close()
    with pytest.raises(EngineClosed):
        await waits
    pipe.gate.set()
    assert await first == [0]
    await asyncio.to_thread(lane.join, 10)
    assert not lane._thread.is_alive()
    with pytest.raises(EngineClosed):
        await lane.run([2], pipe)
