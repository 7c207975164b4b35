"""Seeded texts to send: short ones in many languages, and the challenge's long, dirty ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

SEED = 1712


def _words(text: str) -> list[str]:
    return text.split()


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


def short_texts(count: int, seed: int = SEED) -> list[str]:
    """`count` different texts of about 20 tokens each, languages mixed."""
    random = Random(seed)
    return _different(count, lambda: _short(random))


def challenge_texts(count: int, seed: int = SEED) -> list[str]:
    """`count` texts of about 100 tokens: control characters, emoji, links, 0.5 % empty."""
    random = Random(seed)
    texts = _different(count, lambda: _challenge(random))
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
        text = " ".join(_short(random) for _ in range(1 + tokens // 4))
        return text[: offsets(text)[tokens - SPECIALS - 1]]

    return _different(count, make)


def _different(count: int, make: Callable[[], str]) -> list[str]:
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[make()] = None
    return list(texts)


def _short(random: Random) -> str:
    language = random.choice(list(WORDS))
    words = random.choices(WORDS[language].split(), k=random.randint(SHORTEST, LONGEST))
    return ("" if language in UNSPACED else " ").join(words)


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
