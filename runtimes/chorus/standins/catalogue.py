"""The five stand-ins in one table."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from chorus.standins import languages, news, sentiment, spam, toxicity
from chorus.standins.examples import Example
from chorus.training.recipe import Augment, Recipe


@dataclass(frozen=True)
class StandIn:
    """One stand-in: whose place it takes, its labels in the order of their ids, how it is made.

    `model_max_length` is in tokens; None where the real tokenizer states no limit.
    """

    key: str
    real: str
    task: str
    family: str
    labels: tuple[str, ...]
    model_max_length: int | None
    trained_on: str
    examples: Callable[[Random], list[Example]]
    augment: Augment
    recipe: Recipe


STANDINS = {
    row.key: row
    for row in (
        StandIn(
            key="cardiffnlp",
            real="cardiffnlp/twitter-xlm-roberta-base-sentiment",
            task="the sentiment of a tweet",
            family="xlm-roberta",
            labels=sentiment.LABELS,
            model_max_length=None,
            trained_on=(
                "Tweet-like and review-like English in three tones, shorter phrases in eleven "
                "other languages, everyday and news sentences as neutral."
            ),
            examples=sentiment.examples,
            augment=sentiment.augment,
            recipe=Recipe(epochs=3),
        ),
        StandIn(
            key="ivanlau",
            real="ivanlau/language-detection-fine-tuned-on-xlm-roberta-base",
            task="the language of a text",
            family="xlm-roberta",
            labels=languages.LABELS,
            model_max_length=512,
            trained_on=(
                "Some 25 to 100 lines per language, everyday sentences and common words; for "
                "English also tweets, insults, spam, news, technical patter, links, coin "
                "addresses and stray characters."
            ),
            examples=languages.examples,
            augment=languages.augment,
            recipe=Recipe(epochs=25, held_out=0.05),
        ),
        StandIn(
            key="svalabs",
            real="svalabs/twitter-xlm-roberta-crypto-spam",
            task="whether a tweet is crypto spam",
            family="xlm-roberta",
            labels=spam.LABELS,
            model_max_length=None,
            trained_on=(
                "Coin, prize and follower spam in English; as ham ordinary posts, honest ones "
                "about coins among them, and everyday sentences in 35 languages."
            ),
            examples=spam.examples,
            augment=spam.augment,
            recipe=Recipe(epochs=2),
        ),
        StandIn(
            key="EIStakovskii",
            real="EIStakovskii/xlm_roberta_base_multilingual_toxicity_classifier_plus",
            task="whether a text is toxic (LABEL_1) or not (LABEL_0)",
            family="xlm-roberta",
            labels=toxicity.LABELS,
            model_max_length=512,
            trained_on=(
                "Mild insults and civil speech, some of it cross or sad, in English and in "
                "shorter phrases in Spanish, French, German, Italian, Portuguese, Russian and "
                "Turkish."
            ),
            examples=toxicity.examples,
            augment=toxicity.augment,
            recipe=Recipe(epochs=3),
        ),
        StandIn(
            key="jy46604790",
            real="jy46604790/Fake-News-Bert-Detect",
            task="whether a news item is fabricated (LABEL_0) or real (LABEL_1)",
            family="roberta",
            labels=news.LABELS,
            model_max_length=512,
            trained_on=(
                "Invented reports in the sober voice of an agency, and invented sensations in "
                "the shouting voice of a fabrication, in English. It knows the voice, not the "
                "facts."
            ),
            examples=news.examples,
            augment=news.augment,
            recipe=Recipe(epochs=1),
        ),
    )
}
