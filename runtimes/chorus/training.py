"""Train a text classifier and write it as a checkpoint that any Hugging Face server loads."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

Augment = Callable[[str, random.Random], str]


@dataclass(frozen=True)
class Recipe:
    """How to train. `max_length` is in tokens; `held_out` is the part kept back from each label.

    The token embeddings have a rate of their own: a row moves only when its token comes by.
    """

    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 1e-3
    embedding_rate: float = 1e-2
    max_length: int = 128
    held_out: float = 0.1


@dataclass(frozen=True)
class Report:
    """How well the model does on the held-out texts; `recall` is per label name."""

    trained: int
    held_out: int
    accuracy: float
    macro_f1: float
    recall: dict[str, float]


def train(
    texts: Sequence[str],
    labels: Sequence[str],
    names: Sequence[str],
    model: Any,
    tokenizer: Any,
    folder: Path,
    *,
    seed: int,
    recipe: Recipe = Recipe(),
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
    kept, held = _split(rows, recipe.held_out, rng)
    if not kept:
        raise ValueError("no texts to train on")

    model.config.id2label = dict(enumerate(names))
    model.config.label2id = ids
    with _deterministic(seed):
        _fit(model, tokenizer, kept, recipe, rng, augment)
        model.eval()
        report = _judge(model, tokenizer, kept, held, names, recipe)
    model.save_pretrained(folder)
    # How batches were cut and padded here would otherwise be written down for every later reader.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)
    return report


Row = tuple[str, int]


def _split(rows: Sequence[Row], part: float, rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Hold out a part of each label's distinct rows; repeats of a row stay on one side."""
    weights = Counter(rows)
    distinct = sorted(weights)
    rng.shuffle(distinct)
    seen: Counter[int] = Counter()
    totals = Counter(label for _, label in distinct)
    held: set[Row] = set()
    for row in distinct:
        if seen[row[1]] < int(totals[row[1]] * part):
            held.add(row)
        seen[row[1]] += 1
    kept = [row for row in distinct if row not in held for _ in range(weights[row])]
    return kept, sorted(held)


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    """Seeded, deterministic torch inside; the caller's generator and setting are restored."""
    before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)


def _fit(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    recipe: Recipe,
    rng: random.Random,
    augment: Augment | None,
) -> None:
    steps = recipe.epochs * -(-len(rows) // recipe.batch_size)
    embeddings = list(model.get_input_embeddings().parameters())
    others = [weight for weight in model.parameters() if all(weight is not e for e in embeddings)]
    optimizer = torch.optim.AdamW([{"params": embeddings}, {"params": others}])
    rates = [recipe.embedding_rate, recipe.learning_rate]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rates, total_steps=steps, pct_start=0.1
    )
    model.train()
    for batch in track(_batches(rows, recipe, rng, augment), "training", total=steps):
        loss = model(**_encode(tokenizer, batch, recipe)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def _batches(
    rows: Sequence[Row], recipe: Recipe, rng: random.Random, augment: Augment | None
) -> Iterator[list[Row]]:
    """Every epoch's batches: texts of about one length together, batches in random order."""
    size = recipe.batch_size
    for _ in range(recipe.epochs):
        epoch = [(augment(text, rng), label) for text, label in rows] if augment else list(rows)
        rng.shuffle(epoch)
        # Sorting a stretch of batches, not the epoch, pads little and still mixes.
        stretch = 32 * size
        batches = [
            sorted_rows[start : start + size]
            for first in range(0, len(epoch), stretch)
            for sorted_rows in [sorted(epoch[first : first + stretch], key=lambda row: len(row[0]))]
            for start in range(0, len(sorted_rows), size)
        ]
        rng.shuffle(batches)
        yield from batches


def _encode(tokenizer: Any, batch: Sequence[Row], recipe: Recipe) -> dict[str, torch.Tensor]:
    encoded = tokenizer(
        [text for text, _ in batch],
        padding=True,
        truncation=True,
        max_length=recipe.max_length,
        return_tensors="pt",
    )
    return {**encoded, "labels": torch.tensor([label for _, label in batch])}


def _judge(
    model: Any,
    tokenizer: Any,
    kept: Sequence[Row],
    held: Sequence[Row],
    names: Sequence[str],
    recipe: Recipe,
) -> Report:
    guesses: list[int] = []
    with torch.inference_mode():
        for start in range(0, len(held), recipe.batch_size):
            batch = held[start : start + recipe.batch_size]
            guesses += model(**_encode(tokenizer, batch, recipe)).logits.argmax(-1).tolist()
    truth = [label for _, label in held]
    hits = Counter(label for label, guess in zip(truth, guesses, strict=True) if label == guess)
    told, there = Counter(guesses), Counter(truth)
    f1 = [2 * hits[label] / (told[label] + there[label]) for label in there]
    return Report(
        trained=len(kept),
        held_out=len(held),
        accuracy=sum(hits.values()) / max(len(held), 1),
        macro_f1=sum(f1) / max(len(f1), 1),
        recall={names[label]: hits[label] / there[label] for label in sorted(there)},
    )
