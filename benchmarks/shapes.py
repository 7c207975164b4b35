"""The five classifiers' true architecture and labels, and the same in smaller sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ROBERTA = "jy46604790"
"""The one with a byte-level vocabulary of its own; the other four are XLM-R and share theirs."""

# fmt: off
LANGUAGES = [
    "Arabic", "Basque", "Breton", "Catalan", "Chinese_China", "Chinese_Hongkong",
    "Chinese_Taiwan", "Chuvash", "Czech", "Dhivehi", "Dutch", "English", "Esperanto",
    "Estonian", "French", "Frisian", "Georgian", "German", "Greek", "Hakha_Chin",
    "Indonesian", "Interlingua", "Italian", "Japanese", "Kabyle", "Kinyarwanda", "Kyrgyz",
    "Latvian", "Maltese", "Mangolian", "Persian", "Polish", "Portuguese", "Romanian",
    "Romansh_Sursilvan", "Russian", "Sakha", "Slovenian", "Spanish", "Swedish", "Tamil",
    "Tatar", "Turkish", "Ukranian", "Welsh",
]
# fmt: on

# The checkpoints' own, spelled as they spell them.
LABELS: dict[str, list[str]] = {
    "cardiffnlp": ["negative", "neutral", "positive"],
    "ivanlau": LANGUAGES,
    "svalabs": ["HAM", "SPAM"],
    "EIStakovskii": ["LABEL_0", "LABEL_1"],
    ROBERTA: ["LABEL_0", "LABEL_1"],
}


@dataclass(frozen=True)
class Shape:
    """The sizes of an encoder that decide how much work a token is."""

    layers: int
    hidden: int
    intermediate: int
    heads: int

    @classmethod
    def of(cls, folder: Path) -> Shape:
        """The shape of the checkpoint in `folder`."""
        config: dict[str, Any] = orjson.loads((folder / "config.json").read_bytes())
        return cls(
            config["num_hidden_layers"],
            config["hidden_size"],
            config["intermediate_size"],
            config["num_attention_heads"],
        )


@dataclass(frozen=True)
class Size:
    """A shape with the vocabularies of the XLM-R models and of the RoBERTa one."""

    shape: Shape
    xlmr_tokens: int
    roberta_tokens: int


SIZES = {
    # As the stand-ins that ship.
    "tiny": Size(Shape(2, 64, 128, 4), 6_500, 6_500),
    # A tenth of the real work per token: figures in minutes where the real ones take an hour.
    "middle": Size(Shape(6, 384, 1536, 6), 20_000, 20_000),
    "real": Size(Shape(12, 768, 3072, 12), 250_002, 50_265),
}
