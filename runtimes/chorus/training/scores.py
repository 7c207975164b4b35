"""How well a classifier does, from its confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from chorus.training import batches
from chorus.training.recipe import Recipe, Row


@dataclass(frozen=True)
class LabelScores:
    """One label's scores, each 0 to 1; `support` is its rows."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Scores:
    """`matrix[truth][told]` counts rows, in the order of `names`; `loss` is the mean, in nats."""

    names: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    loss: float

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return sum(map(sum, self.matrix))

    @property
    def accuracy(self) -> float:
        """The part of the rows that is right; 0 when there are none."""
        return sum(line[i] for i, line in enumerate(self.matrix)) / max(self.rows, 1)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the labels that have rows; 0 when there are none."""
        f1 = [scores.f1 for scores in self.labels.values() if scores.support]
        return sum(f1) / max(len(f1), 1)

    @property
    def recall(self) -> dict[str, float]:
        """The recall of each label that has rows."""
        return {name: scores.recall for name, scores in self.labels.items() if scores.support}

    @property
    def labels(self) -> dict[str, LabelScores]:
        """Every label's scores; 0 where there is nothing to divide by."""
        return {name: self._label(i) for i, name in enumerate(self.names)}

    def _label(self, label: int) -> LabelScores:
        hits, there = self.matrix[label][label], sum(self.matrix[label])
        told = sum(line[label] for line in self.matrix)
        return LabelScores(
            precision=hits / max(told, 1),
            recall=hits / max(there, 1),
            f1=2 * hits / max(told + there, 1),
            support=there,
        )


def judge(
    model: Any, tokenizer: Any, rows: Sequence[Row], names: Sequence[str], recipe: Recipe
) -> Scores:
    """What the model says to rows that it was not trained on."""
    model.eval()
    matrix = [[0] * len(names) for _ in names]
    loss = 0.0
    with torch.inference_mode():
        for start in range(0, len(rows), recipe.batch_size):
            batch = rows[start : start + recipe.batch_size]
            inputs, labels = batches.encode(tokenizer, batch, recipe, model.device)
            logits = model(**inputs).logits
            loss += functional.cross_entropy(logits, labels, reduction="sum").item()
            for (_, truth), told in zip(batch, logits.argmax(-1).tolist(), strict=True):
                matrix[truth][told] += 1
    return Scores(tuple(names), tuple(map(tuple, matrix)), loss / max(len(rows), 1))
