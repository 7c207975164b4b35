"""Three tones of tweets and reviews, for the stand-in of cardiffnlp."""

from random import Random

from chorus.standins.examples import Example, crop, decorate, restyle
from chorus.standins.phrasebook import lines, phrasebook

LABELS = ("negative", "neutral", "positive")


def examples(rng: Random) -> list[Example]:
    """Composed sentences, English and other; everyday ones and reports as neutral."""
    book, timeline, news = phrasebook("sentiment"), phrasebook("timeline"), phrasebook("news")
    composed = [
        Example(book.say(rule, rng), label)
        for label in LABELS
        for rule, count in ((label, 4000), (f"foreign_{label}", 2000))
        for _ in range(count)
    ]
    everyday = lines("everyday.txt")
    # A part of a neutral sentence is neutral, and shows more words in more company.
    neutral = everyday + [crop(line, rng) for line in everyday * 10]
    neutral += [timeline.say("patter", rng) for _ in range(200)]
    neutral += [news.say("report", rng) for _ in range(200)]
    return composed + [Example(text, "neutral") for text in neutral]


def augment(text: str, rng: Random) -> str:
    """Another dress for a sentence; never fewer words, for one word can turn the tone."""
    return decorate(restyle(text, rng), rng)
