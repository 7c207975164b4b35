"""Seeded texts to send, in many languages: short ones, and a mix of lengths."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

SEED = 1712

# Everyday words, so that a tokenizer of any size meets known and unknown pieces.
WORDS: dict[str, str] = {
    "en": "the train was late again but our driver told good stories about rain and old boats",
    "de": "heute kommt der Brief mit guten Nachrichten aus dem kleinen Dorf hinter dem Berg",
    "fr": "nous avons perdu la clef du grand jardin mais le voisin garde une autre porte",
    "es": "mi hermana compra pan fresco cada lunes porque la tienda queda muy cerca de casa",
    "it": "questa sera il mare resta calmo e la barca torna piano verso il porto vecchio",
    "pt": "ontem choveu muito na cidade e ninguém encontrou um lugar seco para esperar",
    "nl": "morgen fietsen wij samen langs het water naar een stille plek zonder telefoon",
    "pl": "dzisiaj rano kot znowu spał na nowym krześle obok ciepłego okna w kuchni",
    "tr": "akşam yemeği için taze balık aldık ama küçük çocuklar sadece ekmek istedi",
    "id": "pagi ini pasar sangat ramai karena semua orang mencari buah manis dan murah",
    "ru": "вчера старый автобус опять сломался и мы долго шли домой через тихий парк",
    "el": "το πρωί ο ήλιος ζεσταίνει την αυλή και η γάτα περιμένει δίπλα στην πόρτα",
    "ar": "ذهب الولد إلى السوق صباحا ثم عاد مع خبز ساخن وقصة طويلة عن صديق قديم",
    "ja": "今日 は 電車 が 遅れて 友達 と 駅 で 長い 間 話し ながら 待って いました",
    "zh": "昨天 下雨 我们 在 老 图书馆 里面 看书 然后 一起 走路 回家 吃饭",
}
UNSPACED = frozenset({"ja", "zh"})
# Words per text, chosen so that the XLM-R stand-ins read 20 tokens on average.
SHORTEST, LONGEST = 4, 11

# Of the mix: most texts are a line, some a paragraph, a few a page; as shares and words.
LENGTHS = {(SHORTEST, LONGEST): 0.80, (15, 50): 0.17, (100, 250): 0.03}


def short_texts(count: int, seed: int = SEED) -> list[str]:
    """`count` different texts of about 20 tokens each, languages mixed."""
    random = Random(seed)  # noqa: S311
    return different(count, lambda: short(random))


def mixed_texts(count: int, seed: int = SEED) -> list[str]:
    """`count` different texts of all lengths, languages mixed."""
    random = Random(seed)  # noqa: S311

    def make() -> str:
        (least, most), *_ = random.choices(list(LENGTHS), weights=list(LENGTHS.values()))
        return _text(random, least, most)

    return different(count, make)


def different(count: int, make: Callable[[], str]) -> list[str]:
    """So many texts of those made, each once."""
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[make()] = None
    return list(texts)


def short(random: Random) -> str:
    """A short text in one of the languages."""
    return _text(random, SHORTEST, LONGEST)


def _text(random: Random, least: int, most: int) -> str:
    language = random.choice(list(WORDS))
    words = random.choices(WORDS[language].split(), k=random.randint(least, most))
    return ("" if language in UNSPACED else " ").join(words)
