"""What the card beside a stand-in says of it: whether anybody has trained it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

Standin = Literal["random", "trained"]

CARD: Final = "README.md"
SAYS_TRAINED: Final = "standin: trained"  # a line of the card's metadata, its makers write it
MOST_CHARS: Final = 1 << 16  # metadata come first, and are short


def standin(folder: Path) -> Standin:
    """`trained` where the metadata of the folder's card say so.

    Else `random`, without a card too: no more is promised for an answer than was said.
    """
    try:
        with (folder / CARD).open(encoding="utf-8", errors="replace") as card:
            metadata = card.read(MOST_CHARS).partition("\n---\n")[0]
    except OSError:
        return "random"
    return "trained" if SAYS_TRAINED in metadata.splitlines() else "random"
