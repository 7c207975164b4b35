"""How latencies are spread."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

BUCKETS: Final = 12
DIGITS: Final = 2  # of a bound


@dataclass(frozen=True)
class Bucket:
    """So many answers took at most `up_to_ms`, and longer than the bucket before allows."""

    up_to_ms: float
    count: int


def histogram(sorted_ms: Sequence[float]) -> list[Bucket]:
    """At most BUCKETS of them, each as much longer than the last by the same factor."""
    if not sorted_ms:
        return []
    low, high = max(sorted_ms[0], 1e-3), max(sorted_ms[-1], 1e-3)
    factor = (high / low) ** (1 / BUCKETS)
    bounds = sorted({_rounded_up(low * factor**step) for step in range(1, BUCKETS + 1)})
    reached = [0, *(bisect_right(sorted_ms, bound) for bound in bounds)]
    reached[-1] = len(sorted_ms)  # not lost to rounding
    counts = (now - before for before, now in pairwise(reached))
    return [Bucket(bound, count) for bound, count in zip(bounds, counts, strict=True)]


def _rounded_up(value: float) -> float:
    unit = 10.0 ** (math.floor(math.log10(value)) - DIGITS + 1)
    return float(f"{math.ceil(value / unit - 1e-9) * unit:.6g}")
