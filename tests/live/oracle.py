"""What transformers' own pipeline answers on the same checkpoints: the truth for every answer."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from tests.conftest import checkpoint

CLASSIFIERS = ("cardiffnlp", "ivanlau", "svalabs", "EIStakovskii", "jy46604790")
TOLERANCE = 1e-5

TEXTS = (
    "I love this phone, the camera is stunning",
    "This is the worst service I have ever had.",
    "The meeting starts at 10 and ends at 11.",
    "Breaking: scientists find that water is wet, experts stunned!!!",
    "FREE bitcoin giveaway, send 1 BTC and get 2 BTC back https://example.com/win",
    "you are an idiot and nobody likes you",
    "Thanks a lot, see you tomorrow",
    "ok",
    "Das Essen war ausgezeichnet, wir kommen gerne wieder.",
    "Der Zug hat schon wieder zwei Stunden Verspätung.",
    "Ce film est une pure merveille, courez le voir",
    "Je n'ai jamais été aussi déçu de ma vie",
    "La reunión empieza a las diez de la mañana.",
    "¡Qué día tan maravilloso!",
    "Il gatto dorme sul divano tutto il giorno",
    "Adoro questa canzone, la ascolto sempre",
    "O tempo hoje está péssimo, só chove",
    "De trein naar Utrecht vertrekt van spoor vijf.",
    "Jag tycker mycket om den här boken",
    "Pogoda jest dzisiaj piękna, idziemy na spacer",
    "Tento obchod už nikdy nenavštívím",
    "Η θάλασσα είναι υπέροχη το καλοκαίρι",
    "Мне очень понравился этот фильм",
    "Это просто ужасно, верните деньги",
    "Сьогодні чудова погода для прогулянки",
    "هذا المنتج رائع جدا وأنصح به",
    "الخدمة سيئة للغاية",
    "این کتاب بسیار جالب بود",
    "השירות היה מצוין, תודה רבה",
    "यह फिल्म बहुत अच्छी थी",
    "இந்த உணவு மிகவும் சுவையாக இருந்தது",
    "ฉันชอบอาหารไทยมาก",
    "今天天气很好,我们去公园吧",
    "服务太差了,再也不来了",
    "このラーメンはとても美味しかったです",
    "電車がまた遅れている",
    "이 영화 정말 재미있어요",
    "Bu kitabı çok beğendim, herkese öneririm",
    "Cuaca hari ini sangat panas sekali",
    "Tôi rất thích quán cà phê này",
    "Ninapenda sana chakula hiki",
    "Гэта вельмі добрая навіна",
    "ეს წიგნი ძალიან საინტერესოა",
    "Mae'r tywydd yn braf heddiw",
    "Kaunis päivä tänään, lähdetään uimaan",
    "100% guaranteed profit 🚀🚀🚀 join now t.me/moon",
)
ODD_TEXTS = {
    "empty": "",
    "a space": " ",
    "NUL": "before\x00after",
    "controls": "\x01\x1f\x7f\u0085 text",
    "right to left": "\u202eمرحبا بالعالم\u202c hello",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ☃",
    "four bytes": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎 𐍈",
    "combining": "Z̸̢̛a̷̡l̴̨g̵̡o e\u0301",
    "quotes and backslashes": 'he said "no\\yes" \\u0000 \'',
    "special tokens": "<s> </s> <pad> <mask> <unk>",
    "white space": "\r\n tab\there \u3000 \u00a0 \u200b",
    "one long word": "a" * 20_000,
    "5,000 words": "word and another " * 1_667,
}


@functools.cache
def _pipeline(model: str) -> Callable[..., Any]:
    import torch
    from transformers import pipeline

    torch.set_num_threads(1)  # the server has the other core
    made: Callable[..., Any] = pipeline(
        "text-classification", model=str(checkpoint(model)), device="cpu"
    )
    return made


@functools.cache
def distribution(model: str, text: str, function: str | None = None) -> Mapping[str, float]:
    """Score of every label, best first, for a text alone."""
    options = {"function_to_apply": function} if function else {}
    (rows,) = _pipeline(model)([text], top_k=None, truncation=True, max_length=512, **options)
    return {row["label"]: row["score"] for row in rows}


def best(model: str, text: str, k: int = 1, function: str | None = None) -> list[Any]:
    """The `k` best labels with their scores, as the pipeline lists them."""
    ranked = distribution(model, text, function).items()
    return [{"label": name, "score": score} for name, score in itertools.islice(ranked, k)]


def assert_right(
    rows: Sequence[Any], model: str, text: str, k: int = 1, function: str | None = None
) -> None:
    """The rows are the `k` best for this text; labels may change places only in a tie."""
    truth = distribution(model, text, function)
    expected = best(model, text, k, function)
    shown = f"{model}, {text[:60]!r}: {rows} and not {expected}"
    assert [row["score"] for row in rows] == pytest.approx(
        [row["score"] for row in expected], abs=TOLERANCE
    ), shown
    assert len({row["label"] for row in rows}) == len(expected), shown
    for row, wanted in zip(rows, expected, strict=True):
        tied = math.isclose(truth[row["label"]], wanted["score"], abs_tol=TOLERANCE / 10)
        assert row["label"] == wanted["label"] or tied, shown
