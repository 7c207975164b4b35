"""Token vectors to text vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

POOLINGS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cls": lambda hidden: hidden[:, 0],
    "lasttoken": lambda hidden: hidden[:, -1],
    "max": lambda hidden: hidden.amax(1),
    "mean": lambda hidden: hidden.mean(1),
}
"""`[batch, tokens, size]` to `[batch, size]`, over every token: nothing is padded here."""


def finish(vectors: torch.Tensor, *, dimensions: int | None, normalize: bool) -> torch.Tensor:
    """The first `dimensions` values of each vector, then to length 1, along the last axis.

    Raises ValueError when the vectors have fewer dimensions.
    """
    if dimensions is not None:
        if dimensions > vectors.shape[-1]:
            raise ValueError(f"dimensions must be at most {vectors.shape[-1]}")
        vectors = vectors[..., :dimensions]
    return torch.nn.functional.normalize(vectors, dim=-1) if normalize else vectors
