"""Mild insults beside civil speech, for the stand-in of EIStakovskii."""

from random import Random

from chorus.standins.examples import Example, decorate, restyle
from chorus.standins.languages import TRAINED
from chorus.standins.phrasebook import lines, phrasebook

LABELS = ("LABEL_0", "LABEL_1")


def examples(rng: Random) -> list[Example]:
    """Composed sentences, English and other; whatever is written for the other models is civil."""
    book, tones, news = phrasebook("toxicity"), phrasebook("sentiment"), phrasebook("news")
    composed = [
        Example(book.say(rule, rng), label)
        for label in LABELS
        for rule, count in ((label, 4500), (f"foreign_{label}", 2000))
        for _ in range(count)
    ]
    borrowed = [
        tones.say(tone, rng) for tone in ("positive", "neutral", "negative") for _ in range(400)
    ]
    borrowed += [news.say("LABEL_1", rng) for _ in range(300)]
    borrowed += lines("everyday.txt") * 2
    borrowed += [line for name in TRAINED for line in lines("languages", f"{name}.txt")]
    return composed + [Example(text, "LABEL_0") for text in borrowed]


def augment(text: str, rng: Random) -> str:
    """Another dress for a sentence."""
    return decorate(restyle(text, rng), rng)
