"""Batches that fail for another reason than a text: wrong rows, and too little memory."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import numpy as np
import pytest

from mlserver_chorus.engine import budget
from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.errors import InferenceFailed
from mlserver_chorus.engine.types import Logits, Model

from .conftest import FakeForward, MakeModel, checksum, forward_of, occupy, sample

BUDGET = "chorus_engine_batch_budget_tokens"
OUT_OF_MEMORY = "chorus_engine_out_of_memory_total"
WRONG_ROWS = "chorus_engine_wrong_rows_total"


async def test_t14_rows_that_cannot_be_told_apart_are_nobodys(
    engine: Engine, model: Model, busy: Model
) -> None:
    occupied = await occupy(engine, busy)
    before = sample(WRONG_ROWS, model=model.name)
    forward_of(model).spoil = lambda logits: logits[:-1]
    tasks = [asyncio.create_task(engine.infer([model], [f"caller {i}"])) for i in range(8)]
    await asyncio.sleep(0.05)
    forward_of(busy).gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await occupied
    assert {type(result) for result in results} == {InferenceFailed}
    assert len(forward_of(model).batches) == 1, "it was tried again"
    assert sample(WRONG_ROWS, model=model.name) == before + 1
    forward_of(model).spoil = lambda logits: logits
    (logits,) = await engine.infer([model], ["next"])
    assert np.array_equal(logits[0], checksum("next"))


class Scarce(FakeForward):
    """Has memory for so many rows, and something in it while it runs."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.gate.set()
        self.rows = rows
        self.kept: list[weakref.ref[Any]] = []
        self.freed: list[bool] = []

    def __call__(self, inputs: Any) -> Logits:
        self.freed.append(all(ref() is None for ref in self.kept))
        if len(inputs) > self.rows:
            activations = np.zeros(8)
            self.kept.append(weakref.ref(activations))
            raise MemoryError(f"no room for {len(activations)} more")
        return super().__call__(inputs)


@pytest.fixture
def scarce(make_model: MakeModel) -> Model:
    model = make_model("scarce")
    object.__setattr__(model, "forward", Scarce(8))
    return model


TEXTS = [f"text {i:02}" for i in range(64)]
RIGHT = np.stack([checksum(text) for text in TEXTS])


async def test_t35_too_little_memory_makes_batches_smaller_and_fails_nobody(
    engine: Engine, scarce: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "REST_SECONDS", 1000.0)
    (logits,) = await engine.infer([scarce], TEXTS)
    assert np.array_equal(logits, RIGHT)
    failures = sample(OUT_OF_MEMORY, model="scarce")
    assert sample(BUDGET, device="cpu") == 8 * len(TEXTS[0])
    assert failures > 0
    (logits,) = await engine.infer([scarce], TEXTS)
    assert np.array_equal(logits, RIGHT)
    assert sample(OUT_OF_MEMORY, model="scarce") == failures
    # … and after a rest larger again: at once, for here it takes no time.
    monkeypatch.setattr(budget, "REST_SECONDS", 0.0)
    engine._device._budget.shrink(1000)
    for _ in range(10):
        await engine.infer([scarce], ["text"])
    assert sample(BUDGET, device="cpu") == 1000


async def test_t35_a_failed_pass_holds_no_memory_while_its_halves_run(
    engine: Engine, scarce: Model
) -> None:
    await engine.infer([scarce], TEXTS)
    forward: Any = scarce.forward
    assert forward.kept
    assert all(forward.freed)


async def test_t35_one_text_that_is_too_large_fails_alone(engine: Engine, scarce: Model) -> None:
    forward: Any = scarce.forward
    forward.rows = 0
    with pytest.raises(InferenceFailed, match="model scarce ran out of memory on this input"):
        await engine.infer([scarce], ["text"])


async def test_t15_a_poison_text_fails_alone_where_batches_run_ahead(
    engine: Engine, model: Model
) -> None:
    """The next batch is on the device before this one has failed, as on a GPU."""
    forward_of(model).runs_ahead = True
    texts = [f"text {i}" + " poison" * (i % 25 == 7) for i in range(100)]
    tasks = [asyncio.create_task(engine.infer([model], [text])) for text in texts]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for text, result in zip(texts, results, strict=True):
        if "poison" in text:
            assert isinstance(result, InferenceFailed)
        else:
            assert not isinstance(result, BaseException)
            assert np.array_equal(result[0][0], checksum(text))
