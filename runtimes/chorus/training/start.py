"""What training starts from."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Start:
    """A model and its tokenizer before the first epoch; `limit` is the most tokens of a text.

    `origin` says in public where they come from; empty for those made from scratch.
    """

    model: Any
    tokenizer: Any
    limit: int
    origin: str = ""
