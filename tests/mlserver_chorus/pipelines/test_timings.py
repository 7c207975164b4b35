"""What a pipeline's lane tells of a request's times to whoever asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.live.callers import until

from mlserver_chorus.engine.errors import InferenceFailed
from mlserver_chorus.engine.timings import Timings
from mlserver_chorus.pipelines.lane import Lane
from mlserver_chorus.pipelines.running import Left


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("m", 4, 30.0)
    yield made
    made.close()


def double(inputs: list[Any], left: Left) -> list[Any]:
    if "canary" in inputs:
        raise RuntimeError("canary")
    return [2 * one for one in inputs]


async def test_in_line_and_run(lane: Lane) -> None:
    timings = Timings()
    assert await lane.run([1, 2], double, timings=timings) == [2, 4]
    (one,) = timings.passes
    assert (one.name, one.rows, one.tokens, one.failure) == ("m", 2, None, None)
    assert timings.queued is not None
    assert timings.taken is not None
    assert timings.queued <= timings.taken <= one.began <= one.ended
    assert timings.tokenising is None


async def test_a_run_is_told_to_all_that_share_it(lane: Lane) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hold(inputs: list[Any], left: Left) -> list[Any]:
        begun.set()
        gate.wait()
        return inputs

    first = asyncio.create_task(lane.run([0], hold))
    await until(begun.is_set, "a run")
    timings = [Timings(), Timings()]
    others = [
        asyncio.create_task(lane.run([number], double, shares="x", timings=own))
        for number, own in enumerate(timings)
    ]
    await asyncio.sleep(0)
    assert all(own.queued for own in timings)
    assert not any(own.taken for own in timings)
    gate.set()
    await asyncio.gather(first, *others)
    assert timings[0].passes == timings[1].passes
    assert [one.rows for one in timings[0].passes] == [2]
    assert timings[0].taken == timings[1].taken


async def test_a_run_that_fails_says_so_and_nothing_else(lane: Lane) -> None:
    timings = Timings()
    with pytest.raises(InferenceFailed):
        await lane.run(["good", "canary"], double, timings=timings)
    assert [(one.rows, one.failure) for one in timings.passes] == [
        (2, "text"),
        (1, None),
        (1, "text"),
    ]
    assert "canary" not in repr(timings)
