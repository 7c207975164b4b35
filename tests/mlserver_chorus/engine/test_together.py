"""Models that run side by side in the engine: real ones, small, and a fake where one must fail."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlserver_chorus.engine import merging
from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.errors import InferenceFailed
from mlserver_chorus.engine.loading import load_classifier
from mlserver_chorus.engine.types import Logits, Model, Part

from ..conftest import MakeCheckpoint
from .conftest import (
    CharTokenizer,
    FakeForward,
    MakeModel,
    PlainCollator,
    checksum,
    forward_of,
    occupy,
    sample,
    until,
)

NAMES = ("a", "b", "c", "d", "e")
TEXTS = ["hello world", "", "I love 你好 👍", "free coins " * 30, "a", "спасибо большое <pad> b"]
# Of a pace that nobody measured no wait is known to be too long.
LIMITS: dict[str, Any] = {"origin": "folder", "max_rows": 64, "max_wait": 6000.0}

Heard = list[tuple[Sequence[Model], Sequence[str], list[Logits]]]


@pytest.fixture(autouse=True)
def _merging_always_pays(untimed: None) -> None:
    """Here it is asked whether the answers are right, not whether they are sooner."""


@pytest.fixture
def folders(make_kin: MakeCheckpoint) -> dict[str, Path]:
    return {name: make_kin(name, number) for number, name in enumerate(NAMES)}


@pytest.fixture
def another_c(make_kin: MakeCheckpoint) -> Path:
    """Other weights, and 45 labels instead of one."""
    return make_kin("c", 8)


async def serve(engine: Engine, folders: dict[str, Path]) -> list[Model]:
    models = [await engine.load(name, folder, **LIMITS) for name, folder in folders.items()]
    await engine.together(tuple(folders))
    return models


def merged(engine: Engine) -> list[tuple[Model, ...]]:
    return [part.models for part in engine._plan._merged]


def current(engine: Engine, names: Iterable[str] = NAMES) -> tuple[Model, ...]:
    return tuple(engine.model(name) for name in names)


def runs(name: str) -> float:
    """How often a forward of that name has answered."""
    return sample("chorus_engine_forward_seconds_count", model=name)


class Reference:
    """Each model alone, loaded for itself and never merged, one text at a time."""

    def __init__(self) -> None:
        self._models: dict[Path, Model] = {}
        self._answers: dict[tuple[Path, str], Logits] = {}

    def __call__(self, folder: Path, texts: Sequence[str]) -> Logits:
        return np.stack([self._answer(folder, text) for text in texts])

    def _answer(self, folder: Path, text: str) -> Logits:
        if folder not in self._models:
            self._models[folder] = load_classifier("reference", folder, "cpu")
        if (folder, text) not in self._answers:
            model = self._models[folder]
            inputs = model.forward.collate(model.tokenizer.encode([text]))
            self._answers[folder, text] = model.forward(inputs)[0]
        return self._answers[folder, text]

    def judge(self, heard: Heard, origins: dict[int, Path]) -> None:
        """Every answer is that of the model that was asked; `origins` by the model's id."""
        for models, texts, answers in heard:
            for model, logits in zip(models, answers, strict=True):
                expected = self(origins[id(model)], texts)
                assert logits.shape == expected.shape
                assert np.abs(logits - expected).max() <= 1e-5


@pytest.fixture
def reference() -> Reference:
    return Reference()


@pytest.mark.parametrize(
    ("asked", "side_by_side"),
    [("abcde", True), ("ecadb", True), ("abcdea", True), ("abcd", False), ("ce", False)],
)
async def test_every_model_answers_as_it_does_alone(
    engine: Engine,
    folders: dict[str, Path],
    reference: Reference,
    asked: str,
    side_by_side: bool,
) -> None:
    """In any order, asked twice, all of them or some; only all of them run side by side."""
    await serve(engine, folders)
    before = runs("a+b+c+d+e")
    answers = await engine.infer(current(engine, asked), TEXTS)
    for name, logits in zip(asked, answers, strict=True):
        assert np.abs(logits - reference(folders[name], TEXTS)).max() <= 1e-5
    assert (runs("a+b+c+d+e") - before > 0) == side_by_side


async def test_others_may_be_asked_with_those_that_run_side_by_side(
    engine: Engine, folders: dict[str, Path], reference: Reference, make_model: MakeModel
) -> None:
    await serve(engine, folders)
    fake = make_model("fake")
    answers = await engine.infer([*current(engine, "ed"), fake, *current(engine, "cba")], TEXTS)
    assert np.array_equal(answers.pop(2), np.stack([checksum(text) for text in TEXTS]))
    for name, logits in zip("edcba", answers, strict=True):
        assert np.abs(logits - reference(folders[name], TEXTS)).max() <= 1e-5


async def test_callers_of_all_and_of_one_never_mix(
    engine: Engine, folders: dict[str, Path], reference: Reference
) -> None:
    models = await serve(engine, folders)
    heard = await ask(engine, random.Random(5), requests=200)
    assert len(heard) == 200
    origins = {id(m): folder for m, folder in zip(models, folders.values(), strict=True)}
    reference.judge(heard, origins)


async def ask(engine: Engine, rng: random.Random, requests: int, names: str = "abcde") -> Heard:
    """So many requests at once, to all or to some, of a text or of several."""

    async def caller() -> tuple[Sequence[Model], Sequence[str], list[Logits]]:
        asked = names if rng.random() < 0.7 else rng.sample(names, rng.randint(1, len(names)))
        models, texts = current(engine, asked), rng.choices(TEXTS, k=rng.randint(1, 5))
        return models, texts, await engine.infer(models, texts)

    return await asyncio.gather(*(caller() for _ in range(requests)))


async def test_a_reload_in_flight_loses_no_answer_and_mixes_none(
    engine: Engine,
    folders: dict[str, Path],
    another_c: Path,
    reference: Reference,
    busy: Model,
) -> None:
    """A hundred wait while the model goes, a hundred more are asked of what replaced it."""
    origins = dict(zip(map(id, old := await serve(engine, folders)), folders.values(), strict=True))
    occupied = await occupy(engine, busy)
    first = asyncio.create_task(ask(engine, random.Random(1), 100))
    await until(lambda: engine._device._admission.in_flight > 100)
    new = await engine.load("c", another_c, **LIMITS)
    second = asyncio.create_task(ask(engine, random.Random(2), 100))
    await until(lambda: not engine._device._host._work_queue.qsize())
    forward_of(busy).gate.set()
    heard = await asyncio.wait_for(first, 60) + await asyncio.wait_for(second, 60)
    await occupied
    assert len(heard) == 200
    assert {len(models) for models, _, _ in heard} >= {5}
    assert sum(new in models for models, _, _ in heard) >= 50
    assert sum(old[2] in models for models, _, _ in heard) >= 50
    reference.judge(heard, {**origins, id(new): another_c})


async def test_an_unload_in_flight_loses_no_answer_and_mixes_none(
    engine: Engine, folders: dict[str, Path], reference: Reference, busy: Model
) -> None:
    models = await serve(engine, folders)
    occupied = await occupy(engine, busy)
    first = asyncio.create_task(ask(engine, random.Random(1), 100))
    await until(lambda: engine._device._admission.in_flight > 100)
    engine.unload(models[2])
    held = asyncio.create_task(engine.infer(models, TEXTS))
    second = asyncio.create_task(ask(engine, random.Random(2), 99, "abde"))
    await asyncio.sleep(0)
    forward_of(busy).gate.set()
    heard = await asyncio.wait_for(first, 60) + await asyncio.wait_for(second, 60)
    heard.append((models, TEXTS, await held))
    await occupied
    assert len(heard) == 200
    assert merged(engine) == []
    origins = {id(m): folder for m, folder in zip(models, folders.values(), strict=True)}
    reference.judge(heard, origins)


async def test_models_come_and_go_under_load(
    engine: Engine, folders: dict[str, Path], another_c: Path, reference: Reference
) -> None:
    """Nothing is held still here: requests run before, while and after the weights change."""
    models = await serve(engine, folders)
    origins = {id(m): folder for m, folder in zip(models, folders.values(), strict=True)}
    heard: Heard = []
    done = asyncio.Event()

    async def caller(rng: random.Random) -> None:
        while not done.is_set():
            heard.extend(await ask(engine, rng, 5))

    async def more() -> None:
        enough = len(heard) + 20
        await until(lambda: len(heard) >= enough)

    callers = [asyncio.create_task(caller(random.Random(seed))) for seed in range(4)]
    for folder in (another_c, folders["c"], another_c):
        await more()
        models.append(await engine.load("c", folder, **LIMITS))
        origins[id(models[-1])] = folder
    await more()
    done.set()
    await asyncio.wait_for(asyncio.gather(*callers), 60)
    reference.judge(heard, origins)
    assert merged(engine) == [current(engine)]


async def test_a_reloaded_model_is_merged_again(
    engine: Engine, folders: dict[str, Path], another_c: Path
) -> None:
    await serve(engine, folders)
    await engine.load("c", another_c, **LIMITS)
    assert merged(engine) == [current(engine)]
    before = runs("a+b+c+d+e")
    await engine.infer(current(engine), TEXTS)
    assert runs("a+b+c+d+e") > before


async def test_a_model_that_comes_back_is_merged_again(
    engine: Engine, folders: dict[str, Path]
) -> None:
    await serve(engine, folders)
    engine.unload(engine.model("c"))
    assert merged(engine) == []
    await engine.load("c", folders["c"], **LIMITS)
    assert merged(engine) == [current(engine)]


async def test_two_ensembles_share_what_is_merged(engine: Engine, folders: dict[str, Path]) -> None:
    await serve(engine, folders)
    before = list(engine._plan._merged)
    await engine.together(NAMES)
    await engine.together(tuple(reversed(NAMES)))
    await engine.together(NAMES[:2])
    assert engine._plan._merged == before


async def test_two_ensembles_at_once_merge_once(engine: Engine, folders: dict[str, Path]) -> None:
    for name, folder in folders.items():
        await engine.load(name, folder, **LIMITS)
    await asyncio.gather(engine.together(NAMES), engine.together(NAMES))
    assert merged(engine) == [current(engine)]


async def test_two_reloads_at_once_leave_nothing_stale(
    engine: Engine, folders: dict[str, Path], another_c: Path
) -> None:
    await serve(engine, folders)
    await asyncio.gather(
        engine.load("b", folders["b"], **LIMITS), engine.load("c", another_c, **LIMITS)
    )
    assert merged(engine) == [current(engine)]


class HeldMerge:
    """The real merge, begun at once and ended when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._merge = merging.merge

    def __call__(self, models: Iterable[Model]) -> list[Part]:
        self.begun.set()
        assert self.go_on.wait(20)
        return self._merge(models)


@pytest.fixture
def held_merge(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldMerge]:
    held = HeldMerge()
    monkeypatch.setattr(merging, "merge", held)
    yield held
    held.go_on.set()


async def test_a_model_that_goes_while_it_is_merged_is_not_kept(
    engine: Engine, folders: dict[str, Path], held_merge: HeldMerge
) -> None:
    serving = asyncio.create_task(serve(engine, folders))
    assert await asyncio.to_thread(held_merge.begun.wait, 20)
    gone = engine.model("c")
    engine.unload(gone)
    held_merge.go_on.set()
    await serving
    assert all(gone not in models for models in merged(engine))
    await engine.load("c", folders["c"], **LIMITS)
    assert merged(engine) == [current(engine)]


async def test_a_merge_that_breaks_costs_no_model(
    engine: Engine, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, reference: Reference
) -> None:
    """Side by side is a gain, not a need: without it every model still answers, and says so."""
    await serve(engine, folders)

    def break_(models: Iterable[Model]) -> list[Part]:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(merging, "merge", break_)
    engine.unload(engine.model("c"))
    engine.expect("c")
    waiting = asyncio.create_task(engine.loaded("c"))
    await asyncio.sleep(0)
    loaded = await engine.load("c", folders["c"], **LIMITS)
    assert await asyncio.wait_for(waiting, 5) is loaded
    answers = await engine.infer(current(engine), TEXTS)
    for name, logits in zip(NAMES, answers, strict=True):
        assert np.abs(logits - reference(folders[name], TEXTS)).max() <= 1e-5


async def test_a_merged_model_can_be_unloaded_after_the_engine_was_closed(
    engine: Engine, folders: dict[str, Path]
) -> None:
    models = await serve(engine, folders)
    engine.close(5)
    engine.unload(models[0])
    assert "a" not in engine.models


class SideBySide:
    """Several fake forwards as one; notes how many texts each run had."""

    runs_ahead = False

    def __init__(self, forwards: Sequence[FakeForward]) -> None:
        self._forwards = forwards
        self.collate = PlainCollator()
        self.rows: list[int] = []

    def start(self, inputs: Any) -> Callable[[], Logits]:
        return partial(self, inputs)

    def __call__(self, inputs: Any) -> Logits:
        self.rows.append(len(inputs))
        return np.concatenate([forward(inputs) for forward in self._forwards], axis=1)


async def test_a_poison_text_fails_alone_for_models_side_by_side(
    engine: Engine, make_model: MakeModel, busy: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = CharTokenizer()
    models = (make_model("x", tokenizer), make_model("y", tokenizer))
    forward = SideBySide([forward_of(model) for model in models])
    monkeypatch.setattr(merging, "merge", lambda alike: [Part(tuple(alike), forward)])
    await engine.together(["x", "y"])
    occupied = await occupy(engine, busy)
    splits = sample("chorus_engine_batch_splits_total", model="x+y")
    failed = sample("chorus_engine_failed_texts_total", model="x+y")
    texts = [f"poison {i}" if i in (3, 11) else f"text {i}" for i in range(16)]
    tasks = [asyncio.create_task(engine.infer(models[::-1], [text])) for text in texts]
    await until(
        lambda: (
            engine._device._batcher._prepared
            and len(engine._device._batcher._prepared.entries) == 16
        )
    )
    forward_of(busy).gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await occupied
    assert forward.rows[0] == 16
    for text, result in zip(texts, results, strict=True):
        if "poison" in text:
            assert isinstance(result, InferenceFailed)
            assert "secret" not in str(result)
        else:
            assert not isinstance(result, BaseException)
            y, x = result
            seeds = [forward_of(model).seed for model in models]
            assert np.array_equal(x[0], checksum(text, seeds[0]))
            assert np.array_equal(y[0], checksum(text, seeds[1]))
    assert sample("chorus_engine_batch_splits_total", model="x+y") > splits
    assert sample("chorus_engine_failed_texts_total", model="x+y") == failed + 2
