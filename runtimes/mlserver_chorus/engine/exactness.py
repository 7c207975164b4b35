"""Whether two ways to compute a model give the same answers, seen before either serves."""

from __future__ import annotations

import numpy as np

from .scores import ACTIVATIONS
from .types import Logits

# What a faster forward may differ by from the stock one, in probability, on any of the probes.
TOLERANCE = 1e-5
PROBES = (
    "",
    "a",
    "ok",
    "A short text.",
    "A longer text, 👍 for all. " * 12,
    "<pad> b",
    "c " * 600,
)


def difference(ours: Logits, theirs: Logits, activation: str) -> float:
    """The largest difference of any probability; NaN where one is not a number."""
    apply = ACTIVATIONS[activation]
    return float(np.abs(apply(ours) - apply(theirs)).max())
