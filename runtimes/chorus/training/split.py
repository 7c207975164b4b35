"""Which rows are trained on, and which are held out to judge by."""

import random
from collections import Counter
from collections.abc import Sequence

from chorus.training.recipe import Row


def split(
    rows: Sequence[Row], part: float, rng: random.Random, *, least: int = 0
) -> tuple[list[Row], list[Row]]:
    """Hold out a part of each label's distinct rows; repeats of a row stay on one side.

    Of each label `least` are held out, where that leaves one to train on.
    """
    weights = Counter(rows)
    distinct = sorted(weights)
    rng.shuffle(distinct)
    seen: Counter[int] = Counter()
    totals = Counter(label for _, label in distinct)
    held: set[Row] = set()
    for row in distinct:
        total = totals[row[1]]
        if seen[row[1]] < min(max(int(total * part), least), total - 1):
            held.add(row)
        seen[row[1]] += 1
    kept = [row for row in distinct if row not in held for _ in range(weights[row])]
    return kept, sorted(held)
