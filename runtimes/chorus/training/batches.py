"""Batches of an epoch: texts of about one length together."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from chorus.training.recipe import Augment, Recipe, Row

_STRETCH = 32  # batches; sorting a stretch of them, not the epoch, pads little and still mixes


def epoch(
    rows: Sequence[Row], size: int, rng: random.Random, augment: Augment | None
) -> Iterator[list[Row]]:
    """All rows once, in random order; an augmented text takes the place of its own."""
    shuffled = [(augment(text, rng), label) for text, label in rows] if augment else list(rows)
    rng.shuffle(shuffled)
    batches = [
        sorted_rows[start : start + size]
        for first in range(0, len(shuffled), _STRETCH * size)
        for sorted_rows in [
            sorted(shuffled[first : first + _STRETCH * size], key=lambda row: len(row[0]))
        ]
        for start in range(0, len(sorted_rows), size)
    ]
    rng.shuffle(batches)
    yield from batches


def encode(
    tokenizer: Any, batch: Sequence[Row], recipe: Recipe, device: torch.device
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The padded inputs, each [rows, tokens], and the labels, [rows]."""
    encoded = tokenizer(
        [text for text, _ in batch],
        padding=True,
        truncation=True,
        max_length=recipe.max_length,
        return_tensors="pt",
    )
    labels = torch.tensor([label for _, label in batch], device=device)
    return {name: tensor.to(device) for name, tensor in encoded.items()}, labels
