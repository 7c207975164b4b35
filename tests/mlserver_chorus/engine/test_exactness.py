"""What counts as the same answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlserver_chorus.engine.exactness import PROBES, TOLERANCE, difference
from mlserver_chorus.engine.types import Logits


def logits(*rows: list[float]) -> Logits:
    return np.array(rows, dtype=np.float32)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_equal_answers_do_not_differ(activation: str) -> None:
    same = logits([1.5, -2.0], [0.0, 30.0])
    assert difference(same, same.copy(), activation) == 0.0


@pytest.mark.parametrize(
    ("activation", "expected"), [("softmax", 0.25), ("sigmoid", 0.25), ("none", math.log(3))]
)
def test_the_largest_difference_of_any_probability_counts(activation: str, expected: float) -> None:
    """A logit of ln 3 beside one of 0 is 3/4 to softmax, and 3/4 to sigmoid too."""
    theirs = logits([0.0, 0.0], [0.0, 0.0], [0.0, 0.0])
    ours = logits([0.0, 0.0], [0.0, math.log(3)], [0.01, 0.0])
    assert difference(ours, theirs, activation) == pytest.approx(expected, abs=1e-6)


def test_what_no_probability_shows_is_no_difference() -> None:
    assert difference(logits([1.0, 2.0]), logits([9.0, 10.0]), "softmax") <= 1e-6


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
@pytest.mark.parametrize("row", [0, 1])
def test_what_is_not_a_number_is_within_no_tolerance(activation: str, row: int) -> None:
    right, wrong = logits([1.0, 2.0], [3.0, 4.0]), logits([1.0, 2.0], [3.0, 4.0])
    wrong[row, 0] = np.nan
    assert math.isnan(difference(wrong, right, activation))
    assert not difference(wrong, right, activation) <= TOLERANCE


def test_the_probes_are_of_all_lengths() -> None:
    words = sorted(len(text.split()) for text in PROBES)
    assert words[0] == 0
    assert words[-1] > 512
    assert len(set(words)) >= 4
