"""What every corpus is made of: labelled texts, and the ways to vary one."""

import re
from random import Random
from typing import NamedTuple

from chorus.standins.phrasebook import CORPORA, lines, nonce

_PLAIN_EMOJI = "📷📍👉📚☕🏠🚗📦📞📄"


class Example(NamedTuple):
    """A text and the name of its label."""

    text: str
    label: str


def held_out(key: str) -> list[Example]:
    """The hand-written sentences on which the stand-in of a key is judged, never trained."""
    rows = (line.split("\t") for line in lines("heldout", f"{key}.tsv"))
    return [Example(text, label) for label, text in rows]


def core(text: str) -> str:
    """The letters and digits of a text, in lower case: equal for sentences that differ in dress."""
    return re.sub(r"[\W_]+", " ", text).strip().casefold()


def without_held_out(examples: list[Example]) -> list[Example]:
    """The examples that repeat no held-out sentence of any model, whatever the punctuation."""
    keys = [path.stem for path in sorted((CORPORA / "heldout").glob("*.tsv"))]
    secret = {core(example.text) for key in keys for example in held_out(key)}
    return [
        example
        for example in examples
        if not core(example.text) or core(example.text) not in secret
    ]


def restyle(text: str, rng: Random) -> str:
    """The same words in other dress: case, final punctuation, a slip of the keyboard."""
    if rng.random() < 0.4:
        text = rng.choice([str.lower, str.lower, str.upper, str.capitalize])(text)
    if rng.random() < 0.4:
        text = text.rstrip(".!?。") + rng.choice(["", "", ".", "!", "...", "?"])
    if rng.random() < 0.05 and len(text) > 12:
        slip = rng.randrange(len(text))
        text = text[:slip] + text[slip + 1 :]
    return text


def decorate(text: str, rng: Random) -> str:
    """The text with what surrounds words on a timeline: a link, a handle, a tag, a plain emoji."""
    if rng.random() < 0.8:
        return text
    ornament = rng.choice(
        [
            f"https://www.{nonce(rng)}.org/{nonce(rng)}",
            f"https://t.co/{nonce(rng)}",
            f"@{nonce(rng)}",
            f"#{nonce(rng)}",
            rng.choice(_PLAIN_EMOJI),
            nonce(rng),
        ]
    )
    return rng.choice([f"{ornament} {text}", f"{text} {ornament}"])


def crop(text: str, rng: Random) -> str:
    """A run of words, or of characters where the script writes no spaces."""
    if rng.random() < 0.4:
        return text
    separator = " " if " " in text else ""
    units = text.split(" ") if separator else list(text)
    shortest = 3 if separator else 4
    length = rng.randint(min(shortest, len(units)), len(units))
    start = rng.randint(0, len(units) - length)
    return separator.join(units[start : start + length])


def fray(text: str, rng: Random) -> str:
    """The text with words cut short, or in any order: what remains is how a language looks."""
    words = text.split(" ")
    if rng.random() < 0.3:
        rng.shuffle(words)
    return " ".join(_cut(word, rng) if rng.random() < 0.15 else word for word in words)


def _cut(word: str, rng: Random) -> str:
    """The beginning or the end of a word, two letters or more."""
    if len(word) < 4:
        return word
    keep = rng.randint(2, len(word) - 1)
    return rng.choice([word[:keep], word[-keep:]])
