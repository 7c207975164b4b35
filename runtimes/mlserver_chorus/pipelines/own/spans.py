"""Which stretch of tokens answers best: the search of extractive question answering."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Span(NamedTuple):
    """A stretch of tokens, both ends included, and the probability that it is the answer."""

    score: float
    first: int
    last: int


def probabilities(logits: torch.Tensor, weighed: torch.Tensor) -> torch.Tensor:
    """Softmax over the tokens that are `weighed`; the others get 0. `[tokens]`."""
    if not weighed.any():
        return torch.zeros_like(logits)
    return logits.masked_fill(~weighed, -torch.inf).softmax(-1)


def best_spans(
    starts: torch.Tensor, ends: torch.Tensor, context: torch.Tensor, *, longest: int, count: int
) -> list[Span]:
    """The `count` most probable spans of at most `longest` tokens, best first; fewer if too few.

    `starts` and `ends` are probabilities `[tokens]`, a span's score is their product at its two
    ends; `context` marks the tokens that may be in an answer.
    """
    scores = torch.outer(starts, ends)
    possible = torch.outer(context, context).triu().tril(longest - 1)
    found = min(count, int(possible.sum()))
    best, places = scores.masked_fill(~possible, -1.0).flatten().topk(found)
    return [
        Span(score, *divmod(place, len(starts)))
        for score, place in zip(best.tolist(), places.tolist(), strict=True)
    ]
