"""What the engine tells of a request's times to whoever asks."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest
from tests.live.callers import until

from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.errors import InferenceFailed
from mlserver_chorus.engine.timings import Timings

from .conftest import MakeModel


async def test_tokenised_in_line_and_computed(engine: Engine, make_model: MakeModel) -> None:
    models, timings = [make_model("m"), make_model("n")], Timings()
    began = monotonic()
    await engine.infer(models, ["abc", "d"], timings=timings)
    ended = monotonic()
    assert timings.tokens == 4
    assert [(one.name, one.rows, one.tokens, one.failure) for one in timings.passes] == [
        ("m", 2, 4, None),
        ("n", 2, 4, None),
    ]
    first, second = timings.passes
    assert timings.tokenising is not None
    assert timings.queued is not None
    assert timings.taken is not None
    assert began <= timings.tokenising <= timings.queued <= timings.taken <= first.began
    assert first.began <= first.ended <= second.ended <= ended


async def test_a_pass_is_told_to_all_that_are_in_it(engine: Engine, make_model: MakeModel) -> None:
    model = make_model("m", gate=False)
    forward: Any = model.forward
    first = asyncio.create_task(engine.infer([model], ["a"]))
    await until(forward.running.is_set, "a pass")
    timings = [Timings(), Timings()]
    others = [
        asyncio.create_task(engine.infer([model], [text], timings=own))
        for text, own in zip(("b", "c"), timings, strict=True)
    ]
    unasked = asyncio.create_task(engine.infer([model], ["d"]))
    await asyncio.sleep(0)
    await until(lambda: all(own.queued for own in timings), "a line")
    assert not any(own.taken for own in timings)
    forward.gate.set()
    await asyncio.gather(first, *others, unasked)
    assert timings[0].passes == timings[1].passes
    (one,) = timings[0].passes
    assert one.rows in (2, 3)  # the third may have come too late for it


async def test_a_pass_that_fails_says_its_kind_and_nothing_else(
    engine: Engine, make_model: MakeModel
) -> None:
    model, timings = make_model("m"), Timings()
    with pytest.raises(InferenceFailed):
        await engine.infer([model], ["good", "poison"], timings=timings)
    rows = [(one.rows, one.failure) for one in timings.passes]
    assert rows == [(2, "text"), (1, None), (1, "text")]
    assert "secret" not in repr(timings)


async def test_whoever_leaves_the_line_was_never_taken(
    engine: Engine, make_model: MakeModel
) -> None:
    model, timings = make_model("m", gate=False), Timings()
    forward: Any = model.forward
    first = asyncio.create_task(engine.infer([model], ["a"]))
    await until(forward.running.is_set, "a pass")
    second = asyncio.create_task(engine.infer([model], ["b"], timings=timings))
    await until(lambda: timings.queued is not None, "a line")
    second.cancel()
    forward.gate.set()
    await asyncio.gather(first, second, return_exceptions=True)
    assert timings.taken is None
    assert timings.passes == []
