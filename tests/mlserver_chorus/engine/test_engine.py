"""Requests through the whole engine, on models without weights."""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from mlserver_chorus.engine.admission import Bounds
from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.errors import (
    EngineClosed,
    InferenceFailed,
    LoadError,
    Overloaded,
    QueueTimeout,
    UnknownModel,
)
from mlserver_chorus.engine.types import Encoding, Model

from .conftest import (
    CharTokenizer,
    MakeModel,
    PlainCollator,
    checksum,
    forward_of,
    occupy,
    sample,
    until,
)


async def test_rows_come_back_in_the_order_of_the_texts(engine: Engine, model: Model) -> None:
    texts = [f"text {i}" for i in range(150)]
    (logits,) = await engine.infer([model], texts)
    assert logits.dtype == np.float32
    assert np.array_equal(logits, np.stack([checksum(t) for t in texts]))


async def test_an_empty_text_is_answered(engine: Engine, model: Model) -> None:
    (logits,) = await engine.infer([model], [""])
    assert np.array_equal(logits[0], checksum(""))


async def test_models_with_one_tokenizer_share_its_work(
    engine: Engine, make_model: MakeModel
) -> None:
    shared, own = CharTokenizer(), CharTokenizer()
    models = [make_model("x", shared), make_model("y", shared), make_model("z", own)]
    answers = await engine.infer(models, ["one", "two"])
    for seed, logits in enumerate(answers):
        assert np.array_equal(logits, np.stack([checksum("one", seed), checksum("two", seed)]))
    assert (shared.calls, own.calls) == (1, 1)


async def test_what_arrives_while_the_device_is_busy_is_one_batch(
    engine: Engine, model: Model, busy: Model
) -> None:
    occupied = await occupy(engine, busy)
    callers = [asyncio.create_task(engine.infer([model], [f"c{i}"])) for i in range(20)]
    await until(
        lambda: (
            engine._device._batcher._prepared
            and len(engine._device._batcher._prepared.entries) == 20
        )
    )
    forward_of(busy).gate.set()
    for i, (logits,) in enumerate(await asyncio.gather(*callers)):
        assert np.array_equal(logits[0], checksum(f"c{i}"))
    await occupied
    assert [len(batch) for batch in forward_of(model).batches] == [20]


async def test_a_batch_keeps_to_the_token_budget_and_the_order_of_arrival(
    engine: Engine, model: Model, busy: Model
) -> None:
    occupied = await occupy(engine, busy)
    texts = [str(i) * n for i, n in enumerate((100, 300, 300, 50, 400, 2000, 3))]
    callers = [asyncio.create_task(engine.infer([model], [t])) for t in texts]
    await asyncio.sleep(0.05)
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, *callers)
    batches = forward_of(model).batches
    assert [t for batch in batches for t in batch] == texts
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(map(len, batch)) <= 1000


async def test_a_batch_keeps_to_the_models_rows(engine: Engine, make_model: MakeModel) -> None:
    model = make_model(max_rows=8)
    await engine.infer([model], ["t"] * 50)
    assert max(len(batch) for batch in forward_of(model).batches) == 8


@pytest.mark.parametrize("poisons", [1, 2])
@pytest.mark.parametrize("callers", [8, 32])
async def test_t15_a_poison_text_fails_alone(
    engine: Engine, model: Model, busy: Model, callers: int, poisons: int
) -> None:
    occupied = await occupy(engine, busy)
    guilty = set(random.Random(callers).sample(range(callers), poisons))
    texts = [f"poison {i}" if i in guilty else f"text {i}" for i in range(callers)]
    tasks = [asyncio.create_task(engine.infer([model], [t])) for t in texts]
    await until(lambda: engine._device._batcher._prepared is not None)
    await asyncio.sleep(0.05)
    forward_of(busy).gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await occupied
    for i, result in enumerate(results):
        if i in guilty:
            assert isinstance(result, InferenceFailed)
            assert "secret" not in str(result)
        else:
            assert not isinstance(result, BaseException)
            assert np.array_equal(result[0][0], checksum(texts[i]))
    extra = len(forward_of(model).batches) - 1
    assert extra <= poisons * (2 * math.ceil(math.log2(callers)) + 1)


async def test_a_text_that_cannot_be_tokenised_fails_its_caller_only(
    engine: Engine, model: Model
) -> None:
    good, bad = await asyncio.gather(
        engine.infer([model], ["fine"]),
        engine.infer([model], ["untokenisable"]),
        return_exceptions=True,
    )
    assert isinstance(bad, InferenceFailed)
    assert not isinstance(good, BaseException)
    assert np.array_equal(good[0][0], checksum("fine"))


@pytest.mark.parametrize(
    "spoil",
    [lambda x: x[:-1], lambda x: np.concatenate([x, x]), lambda x: x[:, :1], lambda x: x * np.nan],
    ids=["row missing", "rows doubled", "label missing", "not finite"],
)
async def test_a_forward_that_answers_nonsense_answers_nobody(
    engine: Engine, model: Model, spoil: Any
) -> None:
    forward_of(model).spoil = spoil
    with pytest.raises(InferenceFailed):
        await engine.infer([model], ["a", "b", "c"])


async def test_cancelled_texts_that_wait_are_never_computed(
    engine: Engine, model: Model, busy: Model
) -> None:
    occupied = await occupy(engine, busy)
    before = sample("chorus_engine_dropped_texts_total")
    tasks = [asyncio.create_task(engine.infer([model], [f"c{i}"])) for i in range(30)]
    await until(
        lambda: (
            engine._device._batcher._prepared
            and len(engine._device._batcher._prepared.entries) == 30
        )
    )
    for i in (0, 13, 29):  # first, middle, last
        tasks[i].cancel()
    await asyncio.sleep(0.02)
    forward_of(busy).gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await occupied
    computed = [text for batch in forward_of(model).batches for text in batch]
    assert computed == [f"c{i}" for i in range(30) if i not in (0, 13, 29)]
    for i, result in enumerate(results):
        if i in (0, 13, 29):
            assert isinstance(result, asyncio.CancelledError)
        else:
            assert not isinstance(result, BaseException)
            assert np.array_equal(result[0][0], checksum(f"c{i}"))
    assert sample("chorus_engine_dropped_texts_total") == before + 3


async def test_who_has_left_takes_no_room_in_a_batch(
    engine: Engine, model: Model, busy: Model
) -> None:
    """Each batch has the tokens of ten texts; every second of those in line is nobody's by then."""
    occupied = await occupy(engine, busy)
    first = asyncio.create_task(engine.infer([model], ["x" * 100] * 10))
    await until(lambda: engine._device._admission.texts == 10)
    tasks = [asyncio.create_task(engine.infer([model], [f"{i:100}"])) for i in range(20)]
    await until(lambda: engine._device._admission.texts == 30)
    await until(lambda: not engine._device._host._work_queue.qsize())
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks[::2], return_exceptions=True)
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, first, *tasks[1::2])
    assert [len(batch) for batch in forward_of(model).batches] == [10, 10]


async def test_a_caller_that_leaves_while_its_text_runs_hurts_nobody(
    engine: Engine, busy: Model
) -> None:
    gone = await occupy(engine, busy)
    stays = asyncio.create_task(engine.infer([busy], ["stays"]))
    gone.cancel()
    forward_of(busy).gate.set()
    (logits,) = await stays
    assert np.array_equal(logits[0], checksum("stays"))


async def test_t19_500_leave_and_the_next_is_answered(
    engine: Engine, model: Model, busy: Model
) -> None:
    occupied = await occupy(engine, busy)
    tasks = [asyncio.create_task(engine.infer([model], [f"{i}"])) for i in range(500)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    forward_of(busy).gate.set()
    (logits,) = await engine.infer([model], ["next"])
    assert np.array_equal(logits[0], checksum("next"))
    assert [text for batch in forward_of(model).batches for text in batch] == ["next"]
    await occupied


async def test_a_text_that_waits_too_long_is_refused_and_never_computed(
    engine: Engine, make_model: MakeModel, busy: Model
) -> None:
    hasty = make_model("hasty", max_wait=0.05)
    occupied = await occupy(engine, busy)
    with pytest.raises(QueueTimeout):
        await engine.infer([hasty], ["late"])
    forward_of(busy).gate.set()
    await occupied
    await engine.infer([hasty], ["in time"])
    assert forward_of(hasty).batches == [["in time"]]


async def test_waiting_counts_until_the_batch_starts_only(
    engine: Engine, make_model: MakeModel
) -> None:
    model = make_model(gate=False, max_wait=0.05)
    task = asyncio.create_task(engine.infer([model], ["slow"]))
    await asyncio.to_thread(forward_of(model).running.wait, 10)
    await asyncio.sleep(0.1)
    forward_of(model).gate.set()
    (logits,) = await task
    assert np.array_equal(logits[0], checksum("slow"))


async def test_texts_in_flight_are_bounded(make_model: MakeModel) -> None:
    engine = Engine("cpu", 1000, Bounds(in_flight=10))
    busy = make_model(gate=False)
    occupied = await occupy(engine, busy)
    waiting = asyncio.create_task(engine.infer([busy], ["x"] * 9))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await engine.infer([busy], ["one too many"])
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, waiting)
    await engine.infer([busy], ["welcome again"])
    engine.close(5)


async def test_closing_answers_everybody(make_model: MakeModel) -> None:
    engine = Engine("cpu", max_batch_tokens=1)
    model = make_model(gate=False)
    running = await occupy(engine, model)
    waiting = [asyncio.create_task(engine.infer([model], [f"w{i}"])) for i in range(5)]
    await until(lambda: engine._device._batcher._line)
    closing = asyncio.create_task(asyncio.to_thread(engine.close, 5))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, EngineClosed) for result in results)
    forward_of(model).gate.set()
    await closing
    assert np.array_equal((await running)[0][0], checksum("occupied"))
    with pytest.raises(EngineClosed):
        await engine.infer([model], ["late"])


async def test_random_batches_never_mix_callers(engine: Engine, make_model: MakeModel) -> None:
    """Canaries: whatever the mix of models, sizes and leavers, each caller gets its own rows."""
    rng = random.Random(7)
    shared = CharTokenizer()
    models = [make_model(f"m{i}", shared if i % 2 else None) for i in range(4)]
    seeds = {model.name: seed for seed, model in enumerate(models)}

    async def caller(number: int) -> None:
        chosen = rng.sample(models, rng.randint(1, 4))
        texts = [f"{number}/{i}:" + "x" * rng.randint(0, 40) for i in range(rng.randint(1, 9))]
        task = asyncio.create_task(engine.infer(chosen, texts))
        if number % 7 == 0:
            await asyncio.sleep(rng.random() / 100)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return
        for model, logits in zip(chosen, await task, strict=True):
            expected = np.stack([checksum(text, seeds[model.name]) for text in texts])
            assert np.array_equal(logits, expected)

    for _ in range(10):
        await asyncio.gather(*(caller(number) for number in range(200)))


async def test_replacing_a_model_keeps_the_new_one(engine: Engine, make_model: MakeModel) -> None:
    old, new = make_model("same"), make_model("same")
    engine.unload(old)
    assert engine.model("same") is new
    engine.unload(new)
    with pytest.raises(UnknownModel, match="same"):
        engine.model("same")


async def test_waiting_for_a_model_that_nobody_will_load_fails_at_once(engine: Engine) -> None:
    with pytest.raises(LoadError, match="stranger"):
        await engine.loaded("stranger")


async def test_waiting_for_a_model_that_cannot_be_loaded_fails_with_its_reason(
    engine: Engine, tmp_path: Any
) -> None:
    engine.expect("broken")
    waiter = asyncio.create_task(engine.loaded("broken"))
    await asyncio.sleep(0)
    limits: dict[str, Any] = {"origin": "folder", "max_rows": 1, "max_wait": 1.0}
    with pytest.raises(LoadError):
        await engine.load("broken", tmp_path / "nowhere", **limits)
    with pytest.raises(LoadError, match="no checkpoint folder"):
        await waiter


async def test_closing_answers_what_is_just_being_prepared(
    engine: Engine, make_model: MakeModel, busy: Model
) -> None:
    """Entries that are neither in the queue nor in a finished batch have callers too."""
    occupied = await occupy(engine, busy)
    collating, go_on = threading.Event(), threading.Event()

    class SlowCollator(PlainCollator):
        def __call__(self, encodings: Sequence[Encoding]) -> list[list[int]]:
            collating.set()
            assert go_on.wait(10)
            return super().__call__(encodings)

    model = make_model("slow")
    forward_of(model).collate = SlowCollator()
    caller = asyncio.create_task(engine.infer([model], ["text"]))
    assert await asyncio.to_thread(collating.wait, 10)
    closing = asyncio.create_task(asyncio.to_thread(engine.close, 5))
    await until(lambda: engine._device._closed)
    go_on.set()
    with pytest.raises(EngineClosed):
        await asyncio.wait_for(caller, 5)
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, closing)


BUDGET = "chorus_engine_batch_budget_tokens"


@pytest.fixture
def unset() -> Iterator[Engine]:
    """An engine that nobody gave a budget."""
    engine = Engine("cpu")
    yield engine
    engine.close(5)


async def test_the_budget_is_the_largest_that_a_model_was_measured_to_need(
    unset: Engine, make_model: MakeModel
) -> None:
    shown = []
    for tokens in (512, 2048, 1024):
        unset.add(make_model(f"needs {tokens}", batch_tokens=tokens))
        shown.append(sample(BUDGET, device="cpu"))
    assert shown == [512, 2048, 2048]
    busy = make_model("busy", gate=False, batch_tokens=256)
    unset.add(busy)
    occupied = await occupy(unset, busy)
    model = unset.model("needs 512")
    caller = asyncio.create_task(unset.infer([model], ["x" * 100] * 50))
    await until(lambda: unset._device._batcher._prepared and unset._device._batcher._prepared.full)
    forward_of(busy).gate.set()
    await asyncio.gather(occupied, caller)
    assert [len(batch) for batch in forward_of(model).batches] == [20, 20, 10]


async def test_a_budget_that_is_set_is_not_measured(engine: Engine, make_model: MakeModel) -> None:
    model = make_model(batch_tokens=16384)
    assert sample(BUDGET, device="cpu") == 1000
    await engine.infer([model], ["x" * 100] * 50)
    assert max(len(batch) for batch in forward_of(model).batches) <= 10


async def test_a_model_that_replaces_another_brings_its_own_budget(
    unset: Engine, make_model: MakeModel
) -> None:
    unset.add(make_model("same", batch_tokens=8192))
    unset.add(make_model("same", batch_tokens=256))
    assert sample(BUDGET, device="cpu") == 256


async def test_the_budget_of_a_model_goes_with_it(unset: Engine, make_model: MakeModel) -> None:
    wide, narrow = make_model("wide", batch_tokens=8192), make_model("narrow", batch_tokens=256)
    unset.add(wide)
    unset.add(narrow)
    unset.unload(wide)
    assert sample(BUDGET, device="cpu") == 256
