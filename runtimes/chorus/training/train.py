"""Training from the first epoch to the last, without a way back: how the stand-ins are made."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import track

from chorus.training.fit import Fit, deterministic
from chorus.training.recipe import Augment, Recipe
from chorus.training.saving import name_labels, save
from chorus.training.scores import Scores, judge
from chorus.training.split import split

_RECIPE = Recipe()


@dataclass(frozen=True)
class Report:
    """How many texts were trained on, and how well the model does on those held out."""

    trained: int
    scores: Scores


def train(
    texts: Sequence[str],
    labels: Sequence[str],
    names: Sequence[str],
    model: Any,
    tokenizer: Any,
    folder: Path,
    *,
    seed: int,
    recipe: Recipe = _RECIPE,
    augment: Augment | None = None,
) -> Report:
    """Train a sequence classifier, write it and its tokenizer to `folder`, and judge it.

    `names` are the labels in the order of the model's outputs. `augment` makes another text of a
    training text at every epoch; held-out texts stay as they are. On one machine, with one number
    of torch threads, the same call writes the same bytes.
    ValueError for a label that is not in `names`, for more or fewer names than the model has
    outputs, or when there is nothing to train on.
    """
    if strangers := set(labels) - set(names):
        raise ValueError(f"labels {sorted(strangers)} are none of {list(names)}")
    if len(names) != model.config.num_labels:
        raise ValueError(f"{len(names)} names for a model of {model.config.num_labels} outputs")
    ids = {name: number for number, name in enumerate(names)}
    rows = [(text, ids[label]) for text, label in zip(texts, labels, strict=True)]
    rng = random.Random(seed)  # noqa: S311 - shuffles texts, guards nothing
    kept, held = split(rows, recipe.held_out, rng)
    if not kept:
        raise ValueError("no texts to train on")

    name_labels(model, names)
    with deterministic(seed, model.device):
        fit = Fit(model, tokenizer, kept, recipe, rng, augment=augment)
        for _ in track(_steps(fit, recipe), "training", total=recipe.epochs * fit.steps):
            pass
        scores = judge(model, tokenizer, held, names, recipe)
    save(model, tokenizer, folder)
    return Report(trained=len(kept), scores=scores)


def _steps(fit: Fit, recipe: Recipe) -> Iterator[float]:
    for _ in range(recipe.epochs):
        yield from fit.epoch()
