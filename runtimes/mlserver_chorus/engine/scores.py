"""From logits to labels and scores, by the rules of transformers' text-classification pipeline."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .types import Logits


def softmax(logits: Logits) -> Logits:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float32)


def sigmoid(logits: Logits) -> Logits:
    """Independent probabilities, one per label."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)


ACTIVATIONS: dict[str, Callable[[Logits], Logits]] = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "none": lambda logits: logits,
}


def default_activation(problem_type: str | None, labels: int) -> str:
    """The activation that the pipeline chooses when the caller names none."""
    if problem_type == "regression":
        return "none"
    if problem_type == "multi_label_classification" or labels == 1:
        return "sigmoid"
    return "softmax"


def top(scores: Logits, k: int) -> tuple[NDArray[np.intp], Logits]:
    """Ids and scores of the `k` best labels per row, best first; ties by label id. Both [rows, k].

    Stable like the pipeline's own sort, so that equal scores come in the same order.
    """
    if k == 1:  # what is asked for most, without sorting
        best = scores.argmax(axis=-1, keepdims=True)
        return best, scores.max(axis=-1, keepdims=True)
    order = np.argsort(-scores, axis=-1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, axis=-1)
