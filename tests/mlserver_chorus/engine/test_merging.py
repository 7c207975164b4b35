"""Which models run side by side, and what becomes of those that do not."""

from __future__ import annotations

import logging
import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from mlserver_chorus.engine import layers, warmup
from mlserver_chorus.engine.forward_packed import PackedForward
from mlserver_chorus.engine.merging import merge, separate
from mlserver_chorus.engine.types import Logits, Model

from .conftest import LABELS, LoadKin

TEXTS = ["hello world", "", "I love 你好 👍", "free coins " * 30, "a", "спасибо большое <pad> b"]


def packed(model: Model) -> PackedForward:
    assert isinstance(model.forward, PackedForward)
    return model.forward


def alone(model: Model) -> Logits:
    return model.forward(model.forward.collate(model.tokenizer.encode(TEXTS)))


def storage(model: Model, layer: int = 0) -> int:
    """Where the memory begins that a layer's weights lie in."""
    return packed(model).layers[layer].up.weight.untyped_storage().data_ptr()


def own_memory(model: Model) -> bool:
    """Whether a layer's memory holds this model's weights and nothing else."""
    weights = [layer.up.weight for layer in packed(model).layers]
    return all(weight.untyped_storage().nbytes() == weight.nbytes for weight in weights)


def same(ours: list[Logits], theirs: list[Logits]) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert np.abs(mine - other).max() <= 1e-5


@pytest.fixture
def kin(load_kin: LoadKin) -> list[Model]:
    return [load_kin(number) for number in range(5)]


def test_models_of_one_shape_become_one_part(kin: list[Model]) -> None:
    before = [alone(model) for model in kin]
    (part,) = merge(kin)
    assert part.models == tuple(kin)
    assert (part.name, part.labels) == ("a+b+c+d+e", sum(LABELS))
    together = part.forward(part.forward.collate(part.tokenizer.encode(TEXTS)))
    same(part.split(together), before)
    same([alone(model) for model in kin], before)


def test_the_kin_would_show_a_mix_up(kin: list[Model]) -> None:
    """What the tests here rest on: texts, and models, differ by much more than is allowed."""
    answers = [alone(model) for model in kin]
    assert min(float(np.ptp(logits, axis=0).max()) for logits in answers) > 1e-3
    first = [logits[:, 0] for logits in answers]
    assert min(np.abs(x - y).max() for i, x in enumerate(first) for y in first[:i]) > 1e-3


def test_the_weights_are_there_once(kin: list[Model]) -> None:
    assert len({storage(model) for model in kin}) == 5
    (part,) = merge(kin)
    assert isinstance(part.forward, PackedForward)
    for number, layer in enumerate(part.forward.layers):
        stacked = layer.up.weight.untyped_storage()
        assert {storage(model, number) for model in kin} == {stacked.data_ptr()}
        assert stacked.nbytes() == 5 * packed(kin[0]).layers[number].up.weight.nbytes
    for model, words in zip(kin, part.forward.words, strict=True):
        assert words is packed(model).words[0]


def test_separated_models_have_memory_of_their_own(kin: list[Model]) -> None:
    before = [alone(model) for model in kin]
    (part,) = merge(kin)
    inputs = part.forward.collate(part.tokenizer.encode(TEXTS))
    separate(part.models)
    assert len({storage(model) for model in kin}) == 5
    assert all(own_memory(model) for model in kin)
    same([alone(model) for model in kin], before)
    same(part.split(part.forward(inputs)), before)  # batches that wait still run on it
    (again,) = merge(kin)
    same(again.split(again.forward(inputs)), before)


@pytest.mark.parametrize(
    "other",
    [
        {"num_hidden_layers": 1},
        {"intermediate_size": 48},
        {"num_attention_heads": 4},
        {"hidden_size": 24},
        {"hidden_act": "relu"},
        {"layer_norm_eps": 1e-12},
        {"max_position_embeddings": 600},
        {"max_position_embeddings": 40},
        {"model_max_length": 20},
        {"kind": "bert"},
        {
            "kind": "distilbert",
            "architectures": ["DistilBertForSequenceClassification"],
            "dim": 16,
            "hidden_dim": 32,
            "n_layers": 2,
            "n_heads": 2,
        },
    ],
    ids=str,
)
def test_a_model_of_another_shape_or_tokenizer_stays_alone(
    load_kin: LoadKin, other: dict[str, Any]
) -> None:
    twins, stranger = [load_kin(0), load_kin(1)], load_kin(2, **other)
    before = alone(stranger)
    (part,) = merge([twins[0], stranger, twins[1]])
    assert part.models == tuple(twins)
    assert merge([twins[0], stranger]) == []
    assert np.array_equal(alone(stranger), before)


def test_the_size_of_a_vocabulary_keeps_nobody_apart(load_kin: LoadKin) -> None:
    """Word embeddings are not stacked, so that rows which no token uses do not matter."""
    models = [load_kin(0), load_kin(1, vocab_size=150)]
    before = [alone(model) for model in models]
    (part,) = merge(models)
    together = part.forward(part.forward.collate(part.tokenizer.encode(TEXTS)))
    same(part.split(together), before)


def test_each_shape_is_a_part_of_its_own(load_kin: LoadKin) -> None:
    large = {"intermediate_size": 48}
    a, b, c, d = load_kin(0), load_kin(1, **large), load_kin(2), load_kin(3, **large)
    assert [part.models for part in merge([a, b, c, d])] == [(a, c), (b, d)]


def test_one_model_alone_is_no_part(load_kin: LoadKin) -> None:
    assert merge([load_kin(0)]) == []
    assert merge([]) == []


@pytest.mark.parametrize(("saved", "parts"), [(-0.5, 0), (0.0, 0), (0.05, 0), (0.15, 1), (0.8, 1)])
def test_models_that_gain_nothing_side_by_side_are_separated(
    kin: list[Model], monkeypatch: pytest.MonkeyPatch, saved: float, parts: int
) -> None:
    def seconds(forward: PackedForward, _: object) -> float:
        return 1.0 if len(forward.words) == 1 else (1 - saved) * len(forward.words)

    before = [alone(model) for model in kin]
    monkeypatch.setattr(warmup, "seconds", seconds)
    assert len(merge(kin)) == parts
    assert all(own_memory(model) != bool(parts) for model in kin)
    same([alone(model) for model in kin], before)


def _next_models(linear: layers.Linear, x: torch.Tensor) -> torch.Tensor:
    """The product of the stacked weights, each model's given to its neighbour."""
    right = torch.baddbmm(linear.bias, x, linear.weight.mT)
    return right.roll(1, 0)


def _slightly_off(linear: layers.Linear, x: torch.Tensor) -> torch.Tensor:
    return torch.baddbmm(linear.bias, x, linear.weight.mT) * (1 + 1e-3)


def _not_a_number(linear: layers.Linear, x: torch.Tensor) -> torch.Tensor:
    """Wrong for the second model only."""
    right = torch.baddbmm(linear.bias, x, linear.weight.mT)
    right[1] = math.nan
    return right


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_next_models, r"[\d.]+e[+-]\d+"),
        (_slightly_off, r"[\d.]+e-0\d"),
        (_not_a_number, "nan"),
    ],
)
def test_models_that_answer_otherwise_side_by_side_stay_alone(
    kin: list[Model],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wrong: Any,
    said: str,
) -> None:
    before = [alone(model) for model in kin]
    right = layers.Linear.__call__
    monkeypatch.setattr(
        layers.Linear,
        "__call__",
        lambda linear, x: right(linear, x) if linear.weight.dim() == 2 else wrong(linear, x),
    )
    with caplog.at_level(logging.WARNING):
        assert merge(kin) == []
    (warning,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert re.fullmatch(f"chorus: a\\+b\\+c\\+d\\+e differ side by side by {said}", warning)
    assert all(own_memory(model) for model in kin)
    same([alone(model) for model in kin], before)
