"""What is measured when a model is loaded, on the device that will run it, before it is ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from . import threads
from .forward import PaddedForward
from .forward_packed import PackedForward
from .types import Encoding, TextEncoder

AnyForward = PackedForward | PaddedForward

# What one caller alone may send, and enough for a wide model to need every thread.
_TYPICAL = ["A tweet of the usual length, with a word or two more. 👍 " * 3] * 2
# A full batch is of texts as long as a tweet with a link and a few hashtags.
_TOKENS = 64
_SMALLEST, _LARGEST = 256, 16384
# The share of the tokens per second that a smaller batch may cost: more would make callers wait.
_WORTH = 0.03
# A batch so many times as large as the best one may still turn out better; a slow run is no end.
_PATIENCE = 4
# Nor may one forward of one model hold the device for longer.
_MAX_SECONDS = 1.0


def choose_threads(forward: AnyForward, tokenizer: TextEncoder) -> int:
    """Let a forward use as many CPU threads as pay for a text or two; how many these are."""
    inputs: Any = forward.collate(tokenizer.encode(_TYPICAL))

    def run() -> None:
        forward.threads = torch.get_num_threads()
        forward(inputs)

    forward.threads = threads.fastest(run)
    return forward.threads


def seconds(forward: AnyForward, tokenizer: TextEncoder) -> float:
    """How long a text or two take, on the forward's own threads."""
    return threads.seconds(_runner(forward, tokenizer.encode(_TYPICAL)), forward.threads)


class FullBatch(NamedTuple):
    """A batch of the best size."""

    tokens: int
    per_second: float
    """Tokens that such batches do."""


def full_batch(forward: AnyForward, tokenizer: TextEncoder) -> FullBatch:
    """The smallest batch that no larger one beats by much in tokens per second."""
    whole = tokenizer.encode(["word " * _TOKENS])[0]
    types = whole.type_ids[:_TOKENS] if whole.type_ids else None
    text = Encoding(whole.ids[:_TOKENS], types)

    def rate(tokens: int) -> tuple[float, float]:
        texts = [text] * max(1, tokens // len(text.ids))
        took = threads.seconds(_runner(forward, texts), forward.threads)
        return len(texts) * len(text.ids) / took, took

    rates: dict[int, float] = {}
    budget, took, best = _SMALLEST, 0.0, _SMALLEST
    while budget <= _LARGEST and 2 * took <= _MAX_SECONDS and budget <= _PATIENCE * best:
        rates[budget], took = rate(budget)
        best = max(rates, key=rates.__getitem__)
        budget *= 2
    enough = (1 - _WORTH) * rates[best]
    return FullBatch(*min(measured for measured in rates.items() if measured[1] >= enough))


def _runner(forward: AnyForward, encodings: Sequence[Encoding]) -> Callable[[], object]:
    inputs: Any = forward.collate(encodings)
    return lambda: forward(inputs)
