"""Coin and prize spam beside ordinary posts, for the stand-in of svalabs."""

from random import Random

from chorus.standins.examples import Example, decorate, restyle
from chorus.standins.languages import TRAINED
from chorus.standins.phrasebook import lines, phrasebook

LABELS = ("HAM", "SPAM")


def examples(rng: Random) -> list[Example]:
    """Composed posts of both kinds; whatever is written for the other models is ham."""
    book, tones, news = phrasebook("spam"), phrasebook("sentiment"), phrasebook("news")
    composed = [Example(book.say(label, rng), label) for label in LABELS for _ in range(5000)]
    borrowed = [
        tones.say(tone, rng) for tone in ("positive", "neutral", "negative") for _ in range(400)
    ]
    borrowed += [news.say("LABEL_1", rng) for _ in range(300)]
    borrowed += lines("everyday.txt") * 2
    borrowed += [line for name in TRAINED for line in lines("languages", f"{name}.txt")]
    return composed + [Example(text, "HAM") for text in borrowed]


def augment(text: str, rng: Random) -> str:
    """Another dress for a post."""
    return decorate(restyle(text, rng), rng)
