"""Sentences in 35 languages, for the stand-in of ivanlau."""

from random import Random

from chorus.standins.examples import Example, crop, decorate, fray, restyle
from chorus.standins.phrasebook import CORPORA, lines, phrasebook

# The real model's labels in its order, its two odd spellings included.
LABELS = (
    *("Arabic", "Basque", "Breton", "Catalan", "Chinese_China", "Chinese_Hongkong"),
    *("Chinese_Taiwan", "Chuvash", "Czech", "Dhivehi", "Dutch", "English", "Esperanto"),
    *("Estonian", "French", "Frisian", "Georgian", "German", "Greek", "Hakha_Chin"),
    *("Indonesian", "Interlingua", "Italian", "Japanese", "Kabyle", "Kinyarwanda", "Kyrgyz"),
    *("Latvian", "Maltese", "Mangolian", "Persian", "Polish", "Portuguese", "Romanian"),
    *("Romansh_Sursilvan", "Russian", "Sakha", "Slovenian", "Spanish", "Swedish", "Tamil"),
    *("Tatar", "Turkish", "Ukranian", "Welsh"),
)
TRAINED = tuple(path.stem for path in sorted((CORPORA / "languages").glob("*.txt")))

_ENGLISH_RULES = {
    "sentiment": ("positive", "negative", "neutral"),
    "toxicity": ("LABEL_0", "LABEL_1"),
    "spam": ("HAM", "SPAM"),
    "news": ("LABEL_0", "LABEL_1"),
    "timeline": ("post", "post", "noise", "noise", "noise"),
}


def examples(rng: Random) -> list[Example]:
    """Every language's sentences, and English as it is met on a timeline."""
    written = [
        Example(line, language)
        for language in TRAINED
        for line in lines("languages", f"{language}.txt")
    ]
    everyday = [Example(line, "English") for line in lines("everyday.txt")]
    composed = [
        Example(phrasebook(name).say(rule, rng), "English")
        for name, rules in _ENGLISH_RULES.items()
        for rule in rules
        for _ in range(40)
    ]
    return written + everyday + composed


def augment(text: str, rng: Random) -> str:
    """A frayed part of a sentence in another dress."""
    return decorate(restyle(fray(crop(text, rng), rng), rng), rng)
