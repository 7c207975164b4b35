"""Fabricated and real news, for the stand-in of jy46604790."""

from random import Random

from chorus.standins.examples import Example, restyle
from chorus.standins.phrasebook import phrasebook

LABELS = ("LABEL_0", "LABEL_1")


def examples(rng: Random) -> list[Example]:
    """Composed items in both voices."""
    book = phrasebook("news")
    return [Example(book.say(label, rng), label) for label in LABELS for _ in range(4000)]


def augment(text: str, rng: Random) -> str:
    """Another dress for an item, so that capitals and exclamation marks alone do not decide."""
    return restyle(text, rng)
