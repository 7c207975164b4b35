"""Rows of token ids through a model: those of one length together, so that nothing is padded.

Padding is where models differ (positions, masks, pad ids that stand for words); without it a row's
result does not depend on what it is computed beside.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

# Rows of one forward: enough to fill a device, few enough for long documents on a small one.
_MOST_ROWS = 32

Row = Mapping[str, list[int]]
"""What the tokenizer gives for one text: `input_ids`, `attention_mask`, …, all of one length."""


def encode(tokenizer: Any, *texts: str, limit: int) -> dict[str, list[int]]:
    """One row for a text or a pair, of at most `limit` tokens and never empty."""
    row = {
        name: list(values)
        for name, values in tokenizer(*texts, truncation=True, max_length=limit).items()
    }
    if not row["input_ids"]:  # an empty text, to a tokenizer without special tokens
        return {"input_ids": [filler(tokenizer)], "attention_mask": [1]}
    return row


def filler(tokenizer: Any) -> int:
    """The token id that stands for no text at all."""
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if candidate is not None:
            return int(candidate)
    return 0


def tensors(model: Any, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Rows of one length as the model's inputs, on its device."""
    accepted = inspect.signature(model.forward).parameters
    return {
        name: torch.tensor([row[name] for row in rows], device=model.device)
        for name in rows[0]
        if name in accepted
    }


def forward(
    model: Any, rows: Sequence[Row], read: Callable[[Any], torch.Tensor]
) -> list[torch.Tensor]:
    """One result per row: what `read` takes from the model's output, `[batch, …]`, on the CPU."""
    results: dict[int, torch.Tensor] = {}
    with torch.inference_mode():
        for batch in _batches(rows):
            output = read(model(**tensors(model, [rows[index] for index in batch])))
            results.update(zip(batch, output.float().cpu(), strict=True))
    return [results[index] for index in range(len(rows))]


def _batches(rows: Sequence[Row]) -> Iterator[list[int]]:
    lengths: dict[int, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        lengths[len(row["input_ids"])].append(index)
    for indices in lengths.values():
        for first in range(0, len(indices), _MOST_ROWS):
            yield indices[first : first + _MOST_ROWS]
