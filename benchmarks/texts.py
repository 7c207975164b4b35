"""Seeded texts to send: the challenge's long, dirty ones, and some of a given length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from chorus.load.texts import SEED, different, short


def _words(text: str) -> list[str]:
    return text.split()


CAFE = _words(
    "sourdough typewriter vinyl lantern cardigan espresso darkroom ukulele rooftop heirloom "
    "marmalade bicycle turntable succulent workshop denim kombucha letterpress polaroid "
    "campfire matcha driftwood zine corduroy granola wildflower saxophone tattoo gingham "
    "terrarium fermented handmade upcycled foraged slow-roasted hand-stitched small-batch "
    "unironic bearded tweed analogue moustache artisan postcard beeswax tinned mezcal loft"
)
VERBS = _words(
    "reroute decrypt compile spoof flush patch probe overclock sandbox unmount hash fuzz"
)
DEVICES = _words("router kernel firewall cluster pixel backup driver socket antenna firmware array")
ACRONYMS = _words("TCP GPU DNS RAM SQL SSH API USB TLS CPU BGP JSON")
QUALITIES = _words("redundant haptic headless virtual encrypted legacy parallel offline optical")
HOSTS = _words("lumen-works harbor-lab inner-metrics quantum-solutions north-brands viral-partners")
PATHS = _words("strategize deploy/markets innovate orchestrate/channels scale synergy/content grow")
ENDINGS = _words("com org net io biz info")
EMOJI = _words("😀 😎 🚀 🌈 🍕 🐙 🎉 💸 🔥 👍🏽 🇳🇿 ❤️ 🧑‍🚀 🦊 ⚡ 🥑 🎸 🌍")
# The alphabet of bitcoin addresses: no 0, O, I or l.
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
EMPTY_SHARE = 0.005
# Tokens that a tokenizer puts around a text.
SPECIALS = 2


def challenge_texts(count: int, seed: int = SEED) -> list[str]:
    """`count` texts of about 100 tokens: control characters, emoji, links, 0.5 % empty."""
    random = Random(seed)
    texts = different(count, lambda: _challenge(random))
    for place in random.sample(range(count), round(count * EMPTY_SHARE)):
        texts[place] = ""
    return texts


def texts_of_length(
    count: int, tokens: int, offsets: Callable[[str], list[int]], seed: int = SEED
) -> list[str]:
    """`count` different texts of `tokens` tokens each, by a tokenizer that says where they end.

    `offsets` gives the end of each token in the text's characters, special tokens left out. A text
    can be a token off, for the cut may part what the tokenizer would have kept together.
    """
    random = Random(seed)

    def make() -> str:
        text = " ".join(short(random) for _ in range(1 + tokens // 4))
        return text[: offsets(text)[tokens - SPECIALS - 1]]

    return different(count, make)


def _challenge(random: Random) -> str:
    def pick(words: Iterable[str]) -> str:
        return random.choice(list(words))

    def sentence() -> str:
        words = random.choices(CAFE, k=random.choice((0, 10)))
        return " ".join(words).capitalize()

    noise = "".join(chr(random.randrange(128)) for _ in range(random.randint(5, 20)))
    address = pick("13") + "".join(random.choices(BASE58, k=random.randint(25, 34)))
    link = f"https://www.{pick(HOSTS)}{random.randrange(1000)}.{pick(ENDINGS)}/{pick(PATHS)}"
    phrase = (
        f"We must {pick(VERBS)} the {pick(QUALITIES)} {pick(ACRONYMS)} {pick(DEVICES)} "
        f"before it can quietly {pick(VERBS)} our {pick(QUALITIES)} {pick(DEVICES)}!"
    )
    return f"{sentence()}{pick(EMOJI)}{link}{sentence()}. {noise} {address}{pick(EMOJI)} {phrase}"
