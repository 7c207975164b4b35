"""The pipeline's own rules for scores, against the pipeline's own functions."""

from __future__ import annotations

import numpy as np
import pytest
from transformers.pipelines import text_classification as stock

from mlserver_chorus.engine.scores import ACTIVATIONS, default_activation, top

LOGITS = np.random.default_rng(1).normal(0, 5, (50, 45)).astype(np.float32)


@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
def test_activations_are_the_pipelines(name: str) -> None:
    expected = np.stack([getattr(stock, name)(row) for row in LOGITS])
    assert np.abs(ACTIVATIONS[name](LOGITS) - expected).max() <= 1e-6


def test_extreme_logits_stay_finite() -> None:
    extreme = np.array([[1e30, -1e30], [-200, -201], [3e38, 3e38]], dtype=np.float32)
    for name in ("softmax", "sigmoid"):
        assert np.isfinite(ACTIVATIONS[name](extreme)).all()


@pytest.mark.parametrize(
    ("problem_type", "labels", "activation"),
    [
        (None, 2, "softmax"),
        (None, 1, "sigmoid"),
        ("single_label_classification", 3, "softmax"),
        ("multi_label_classification", 3, "sigmoid"),
        ("regression", 1, "none"),
    ],
)
def test_the_default_activation(problem_type: str | None, labels: int, activation: str) -> None:
    assert default_activation(problem_type, labels) == activation


def test_top_is_sorted_and_stable() -> None:
    ids, scores = top(np.array([[0.1, 0.4, 0.4, 0.1]], dtype=np.float32), 3)
    assert ids.tolist() == [[1, 2, 0]]
    assert scores[0].tolist() == pytest.approx([0.4, 0.4, 0.1])


def test_top_of_more_than_there_is_gives_all() -> None:
    ids, _ = top(LOGITS[:, :2], 1000)
    assert ids.shape == (50, 2)
