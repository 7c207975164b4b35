"""How much arithmetic a text is: multiplications and additions, two per weight and token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.shapes import Shape


def per_token(shape: Shape) -> int:
    """FLOP per token in the linear layers: query, key, value, output, and the two wide ones."""
    weights = 4 * shape.hidden**2 + 2 * shape.hidden * shape.intermediate
    return 2 * weights * shape.layers


def of_text(shape: Shape, tokens: int) -> int:
    """FLOP of one forward: linear layers, attention (square in the tokens), the head's layer.

    All layers count in full, though the last one's work is needed for the first token only: a
    forward that leaves the rest out can exceed what this says is possible by up to 7 %.
    """
    attention = 4 * shape.hidden * shape.layers * tokens
    return tokens * (per_token(shape) + attention) + 2 * shape.hidden**2


def of_texts(models: Iterable[tuple[Shape, Sequence[int]]]) -> int:
    """FLOP of all texts through all models; each model has its own shape and token counts."""
    return sum(of_text(shape, tokens) for shape, counts in models for tokens in counts)


def layer_products(shape: Shape) -> Mapping[tuple[int, int], int]:
    """A layer's matrices (inputs, outputs), and how many it has of each."""
    hidden, wide = shape.hidden, shape.intermediate
    return {(hidden, hidden): 4, (hidden, wide): 1, (wide, hidden): 1}
