"""How to train, and what is trained on."""

import random
from collections.abc import Callable
from dataclasses import dataclass

Augment = Callable[[str, random.Random], str]
"""Another text of a training text."""

Row = tuple[str, int]
"""A text and the number of its label."""


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
