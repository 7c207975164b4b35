"""The packed forward against the stock one, on every way that texts may lie in a batch."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification

from mlserver_chorus.engine import loading
from mlserver_chorus.engine.forward import PaddedForward
from mlserver_chorus.engine.forward_packed import Layer, PackedForward
from mlserver_chorus.engine.packing import MAX_GRID, MIN_CELLS, PackedCollator
from mlserver_chorus.engine.types import Encoding

from ..conftest import MakeCheckpoint

FAMILY = {
    "xlm-roberta": "XLMRobertaForSequenceClassification",
    "roberta": "RobertaForSequenceClassification",
    "bert": "BertForSequenceClassification",
}


def encodings(lengths: list[int], seed: int = 0, words: int = 30) -> list[Encoding]:
    rng = random.Random(seed)
    return [Encoding([0, *(rng.randrange(1, words) for _ in range(n - 1))]) for n in lengths]


@pytest.fixture(params=FAMILY)
def forwards(
    make_checkpoint: MakeCheckpoint, request: pytest.FixtureRequest
) -> tuple[PackedForward, PaddedForward]:
    kind = request.param
    folder = make_checkpoint(model_type=kind, architectures=[FAMILY[kind]], vocab_size=90)
    model = loading.load_classifier("m", folder, "cpu")
    assert isinstance(model.forward, PackedForward)
    module: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    return model.forward, PaddedForward(module, torch.device("cpu"), pad_id=1)


@pytest.mark.parametrize(
    "lengths",
    [
        [1],
        [2, 2],
        [7] * 40,
        [2, 512],
        [512, 2, 511, 3],
        list(range(2, 60)),
        [5, 5, 5, 90, 91, 92, 300, 4],
        [random.Random(1).randint(2, 200) for _ in range(64)],
    ],
    ids=str,
)
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
    packed = PackedForward(module, torch.device("cpu"))
    assert np.array_equal(stock(stock.collate(batch)), before)
    query = module.roberta.encoder.layer[0].attention.self.query.weight
    assert query.data_ptr() == packed._layers[0].qkv.weight.data_ptr()


def test_a_packed_forward_that_differs_is_not_served(
    make_checkpoint: MakeCheckpoint,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = Layer.__call__
    monkeypatch.setattr(Layer, "__call__", lambda *args: right(*args).roll(1, 0))
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
    for block in batch.blocks:
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
