"""The packed forward against the stock one, on every way that texts may lie in a batch."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification

from mlserver_chorus.engine import loading
from mlserver_chorus.engine.attention import InBlocks
from mlserver_chorus.engine.forward import PaddedForward
from mlserver_chorus.engine.forward_packed import PackedForward
from mlserver_chorus.engine.layers import Layer
from mlserver_chorus.engine.packing import MAX_GRID, MIN_CELLS, PackedCollator
from mlserver_chorus.engine.types import Encoding, Logits

from ..conftest import MakeCheckpoint
from .conftest import FAMILY

LENGTHS = [
    [1],
    [2, 2],
    [7] * 40,
    [2, 512],
    [512, 2, 511, 3],
    list(range(2, 60)),
    [5, 5, 5, 90, 91, 92, 300, 4],
    [random.Random(1).randint(2, 200) for _ in range(64)],
]


def encodings(lengths: list[int], seed: int = 0, words: int = 30) -> list[Encoding]:
    rng = random.Random(seed)
    return [Encoding([0, *(rng.randrange(1, words) for _ in range(n - 1))]) for n in lengths]


CPU = torch.device("cpu")


def stock_of(folder: Path) -> PaddedForward:
    module: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    return PaddedForward(module, CPU, pad_id=1)


@pytest.fixture(params=FAMILY)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def loaded() -> dict[str, tuple[PackedForward, PaddedForward]]:
    """A model of each kind, loaded for the first batch that it answers."""
    return {}


@pytest.fixture
def forwards(
    make_kin: MakeCheckpoint, kind: str, loaded: dict[str, tuple[PackedForward, PaddedForward]]
) -> tuple[PackedForward, PaddedForward]:
    if kind not in loaded:
        folder = make_kin("m", 0, kind, vocab_size=90)
        model = loading.load_classifier("m", folder, "cpu")
        assert isinstance(model.forward, PackedForward)
        loaded[kind] = model.forward, stock_of(folder)
    return loaded[kind]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_answers_are_the_stock_forwards(
    forwards: tuple[PackedForward, PaddedForward], lengths: list[int]
) -> None:
    """Token 1, the padding token, occurs inside the texts too: its position is a special case."""
    packed, stock = forwards
    batch = encodings(lengths)
    ours, theirs = packed(packed.collate(batch)), stock(stock.collate(batch))
    assert np.abs(ours - theirs).max() <= 1e-5


def test_the_module_still_works_on_the_fused_weights(make_checkpoint: MakeCheckpoint) -> None:
    """The stock forward stays usable, on the same memory."""
    module: Any = AutoModelForSequenceClassification.from_pretrained(make_checkpoint())
    stock = PaddedForward(module.eval(), torch.device("cpu"), pad_id=1)
    batch = encodings([3, 9])
    before = stock(stock.collate(batch))
    packed = PackedForward.of(module, torch.device("cpu"))
    assert np.array_equal(stock(stock.collate(batch)), before)
    query = module.roberta.encoder.layer[0].attention.self.query.weight
    assert query.data_ptr() == packed.layers[0].qkv.weight.data_ptr()


def test_a_packed_forward_that_differs_is_not_served(
    make_checkpoint: MakeCheckpoint,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = Layer.__call__
    monkeypatch.setattr(Layer, "__call__", lambda *args: right(*args).roll(1, 1))
    model = loading.load_classifier("crooked", make_checkpoint(), "cpu")
    assert isinstance(model.forward, PaddedForward)
    assert "crooked: the packed forward differs" in caplog.text


def test_another_architecture_keeps_the_stock_forward(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint(
        model_type="distilbert",
        architectures=["DistilBertForSequenceClassification"],
        dim=16,
        hidden_dim=32,
        n_layers=2,
        n_heads=2,
    )
    assert isinstance(loading.load_classifier("m", folder, "cpu").forward, PaddedForward)


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=40))
def test_blocks_cover_each_token_once_and_waste_little(lengths: list[int]) -> None:
    batch = PackedCollator(padding_idx=None)(encodings(lengths))
    seen = []
    assert isinstance(batch.attention, InBlocks)
    for block in batch.attention.blocks:
        count = block.texts.stop - block.texts.start
        cells, rows = count * block.longest, block.rows.stop - block.rows.start
        assert cells <= max(MAX_GRID * rows, MIN_CELLS) or count == 1
        grid = np.arange(rows) if block.gather is None else block.gather.numpy()
        real = grid if block.scatter is None else grid[block.scatter.numpy()]
        seen += (real + block.rows.start).tolist()
    assert seen == list(range(sum(lengths)))
    assert sorted(batch.order.tolist()) == list(range(len(lengths)))


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9), min_size=1, max_size=9))
def test_positions_are_robertas(texts: list[list[int]]) -> None:
    batch = PackedCollator(padding_idx=1)([Encoding(ids) for ids in texts])
    expected = []
    for number in batch.order:
        ids = torch.tensor([texts[number]])
        mask = ids.ne(1).int()
        expected += (mask.cumsum(1) * mask + 1)[0].tolist()
    assert batch.positions.tolist() == expected


MakeForwards = Callable[[str, int], tuple[list[PackedForward], list[PaddedForward]]]


@pytest.fixture(scope="module")
def stocks() -> dict[tuple[str, int], PaddedForward]:
    """The stock forwards by kind and number; nothing changes them."""
    return {}


@pytest.fixture
def make_forwards(
    make_kin: MakeCheckpoint, stocks: dict[tuple[str, int], PaddedForward]
) -> MakeForwards:
    """So many models of one shape, packed, and beside them the stock ones."""

    def stock(kind: str, number: int) -> PaddedForward:
        if (kind, number) not in stocks:
            stocks[kind, number] = stock_of(make_kin("m", number, kind, vocab_size=90))
        return stocks[kind, number]

    def make(kind: str, count: int) -> tuple[list[PackedForward], list[PaddedForward]]:
        chosen = [stock(kind, number) for number in range(count)]
        modules: list[Any] = [copy.deepcopy(one._module) for one in chosen]
        return [PackedForward.of(module, CPU) for module in modules], chosen

    return make


def by_model(merged: PackedForward, batch: list[Encoding]) -> list[Logits]:
    logits = merged(merged.collate(batch))
    assert logits.shape == (len(batch), sum(merged.head.labels))
    return np.split(logits, np.cumsum(merged.head.labels)[:-1], axis=1)


def apart(forwards: list[PackedForward], batch: list[Encoding]) -> list[Logits]:
    return [forward(forward.collate(batch)) for forward in forwards]


def worst(ours: list[Logits], theirs: list[Logits]) -> float:
    return max(float(np.abs(x - y).max()) for x, y in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_merged_models_give_each_models_own_answers(
    make_forwards: MakeForwards, kind: str, count: int
) -> None:
    alone, stocks = make_forwards(kind, count)
    batches = [encodings(lengths) for lengths in LENGTHS]
    before = [apart(alone, batch) for batch in batches]
    merged = PackedForward.merged(alone)
    for batch, expected in zip(batches, before, strict=True):
        together = by_model(merged, batch)
        assert worst(together, expected) <= 1e-5
        assert worst(apart(alone, batch), expected) <= 1e-5
        assert worst(together, [stock(stock.collate(batch)) for stock in stocks]) <= 1e-5


def test_merged_models_answer_batches_of_any_lengths(
    make_forwards: MakeForwards, kind: str
) -> None:
    alone, _ = make_forwards(kind, 3)
    merged = PackedForward.merged(alone)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(1, 120), min_size=1, max_size=30), st.integers(0, 9))
    def check(lengths: list[int], seed: int) -> None:
        batch = encodings(lengths, seed)
        assert worst(by_model(merged, batch), apart(alone, batch)) <= 1e-5

    check()


def weights(layer: Layer) -> list[torch.Tensor]:
    parts = (
        layer.qkv,
        layer.attention_out,
        layer.attention_norm,
        layer.up,
        layer.down,
        layer.norm,
    )
    return [tensor for part in parts for tensor in (part.weight, part.bias)]


def test_merged_models_lie_in_one_memory(make_forwards: MakeForwards, kind: str) -> None:
    alone, _ = make_forwards(kind, 3)
    merged = PackedForward.merged(alone)
    for number, layer in enumerate(merged.layers):
        for model, forward in enumerate(alone):
            own = weights(forward.layers[number])
            for mine, all_ in zip(own, weights(layer), strict=True):
                assert mine.data_ptr() == all_[model].data_ptr()
    for forward, words in zip(alone, merged.words, strict=True):
        assert forward.words[0].data_ptr() == words.data_ptr()


def test_an_unshared_model_is_out_of_that_memory(make_forwards: MakeForwards, kind: str) -> None:
    """What becomes of the stack then changes the models that are still on it, and no other."""
    alone, _ = make_forwards(kind, 3)
    batch = encodings([3, 9, 40])
    before = apart(alone, batch)
    merged = PackedForward.merged(alone)
    alone[1].unshare()
    for layer in alone[1].layers:
        assert all(w.untyped_storage().nbytes() == w.nbytes for w in weights(layer))
    assert worst(by_model(merged, batch), before) <= 1e-5
    with torch.inference_mode():
        for layer in merged.layers:
            for tensor in weights(layer):
                tensor.zero_()
    after = apart(alone, batch)
    assert worst([after[1]], [before[1]]) <= 1e-5
    assert worst([after[0]], [before[0]]) > 1e-3
    assert worst([after[2]], [before[2]]) > 1e-3


def test_models_can_be_merged_anew_with_others(make_forwards: MakeForwards, kind: str) -> None:
    alone, _ = make_forwards(kind, 4)
    batch = encodings([3, 9, 40])
    before = apart(alone, batch)
    first = PackedForward.merged(alone[:3])
    second = PackedForward.merged([alone[3], alone[1]])
    assert worst(by_model(second, batch), [before[3], before[1]]) <= 1e-5
    assert worst(by_model(first, batch), before[:3]) <= 1e-5
    assert worst(apart(alone, batch), before) <= 1e-5


def test_labels_and_weights_are_no_part_of_the_shape(
    make_forwards: MakeForwards, kind: str
) -> None:
    alone, _ = make_forwards(kind, 5)
    assert len({forward.shape for forward in alone}) == 1


def test_the_kin_would_show_a_mix_up(make_forwards: MakeForwards, kind: str) -> None:
    """What the tests here rest on: texts differ in their answers by much more than is allowed."""
    alone, _ = make_forwards(kind, 3)
    for logits in apart(alone, encodings([9] * 20)):
        assert np.ptp(logits, axis=0).max() > 1e-3


@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize(
    "lengths", [[1], [7] * 12, [2, 300, 256, 257, 9], list(range(2, 40))], ids=str
)
def test_text_by_text_and_in_blocks_are_the_same(
    make_forwards: MakeForwards, lengths: list[int], models: int
) -> None:
    """A wide model's texts attend one by one, long ones by another kernel than short ones."""
    alone, _ = make_forwards("xlm-roberta", models)
    forward = alone[0] if models == 1 else PackedForward.merged(alone)
    batch = encodings(lengths)
    by_text = replace(forward.collate, text_by_text=True)
    assert np.abs(forward(by_text(batch)) - forward(forward.collate(batch))).max() <= 1e-5
