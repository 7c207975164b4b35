"""Callers with deadlines of their own: answered at that time, whatever the state of their texts."""

from __future__ import annotations

import asyncio
from time import monotonic

import numpy as np
import pytest

from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.errors import DeadlineExceeded, QueueTimeout
from mlserver_chorus.engine.types import Model

from .conftest import CharTokenizer, MakeModel, checksum, forward_of, occupy, sample

DROPPED = "chorus_engine_dropped_texts_total"
EXPIRED = "chorus_engine_expired_requests_total"


def soon(seconds: float = 0.05) -> float:
    return monotonic() + seconds


async def test_t23_who_waits_is_told_at_the_deadline_and_never_computed(
    engine: Engine, model: Model, busy: Model
) -> None:
    occupied = await occupy(engine, busy)
    dropped, expired = sample(DROPPED), sample(EXPIRED)
    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(engine.infer([model], ["late"] * 3, deadline=soon()), 5)
    forward_of(busy).gate.set()
    await occupied
    await engine.infer([model], ["in time"])
    assert forward_of(model).batches == [["in time"]]
    assert (sample(DROPPED), sample(EXPIRED)) == (dropped + 3, expired + 1)


async def test_t23_who_is_on_the_device_is_told_too_and_the_answer_is_thrown_away(
    engine: Engine, busy: Model
) -> None:
    task = asyncio.create_task(engine.infer([busy], ["runs"], deadline=soon()))
    assert await asyncio.to_thread(forward_of(busy).running.wait, 10)
    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(task, 5)
    forward_of(busy).gate.set()
    (logits,) = await engine.infer([busy], ["next"])
    assert np.array_equal(logits[0], checksum("next"))


async def test_t23_a_deadline_that_has_passed_costs_nothing(
    engine: Engine, make_model: MakeModel
) -> None:
    tokenizer = CharTokenizer()
    model = make_model(tokenizer=tokenizer)
    with pytest.raises(DeadlineExceeded):
        await engine.infer([model], ["late"], deadline=monotonic())
    await engine.infer([model], ["in time"])
    assert tokenizer.calls == 1


async def test_who_answers_in_time_is_answered(engine: Engine, model: Model) -> None:
    (logits,) = await engine.infer([model], ["text"], deadline=soon(20))
    assert np.array_equal(logits[0], checksum("text"))


async def test_the_models_own_patience_still_counts_beside_a_deadline(
    engine: Engine, make_model: MakeModel, busy: Model
) -> None:
    hasty = make_model("hasty", max_wait=0.05)
    occupied = await occupy(engine, busy)
    with pytest.raises(QueueTimeout):
        await engine.infer([hasty], ["late"], deadline=soon(20))
    with pytest.raises(DeadlineExceeded):
        await engine.infer([hasty], ["late"], deadline=soon(0.01))
    forward_of(busy).gate.set()
    await occupied


async def test_t23_a_failed_batch_is_not_tried_again_for_those_who_left(
    engine: Engine, model: Model, busy: Model
) -> None:
    """The deadline passes while the whole batch runs; its halves hold the others alone."""
    occupied = await occupy(engine, busy)
    model_forward = forward_of(model)
    model_forward.gate.clear()
    texts = ["late 1", "poison", "late 2", "stays"]
    deadlines = {"late 1": soon(0.3), "late 2": soon(0.3)}
    tasks = [
        asyncio.create_task(engine.infer([model], [t], deadline=deadlines.get(t))) for t in texts
    ]
    await asyncio.sleep(0.05)
    forward_of(busy).gate.set()
    assert await asyncio.to_thread(model_forward.running.wait, 10)
    await asyncio.wait({tasks[0], tasks[2]})
    model_forward.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await occupied
    assert isinstance(results[0], DeadlineExceeded)
    assert isinstance(results[2], DeadlineExceeded)
    assert not isinstance(results[3], BaseException)
    assert model_forward.batches == [texts, ["poison"], ["stays"]]
