"""What can be soaked: a folder of models, and the right answer to every text that is asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FAULTY = ROOT / "tests" / "reliability" / "faulty"
LEAKING = ROOT / "tests" / "soak" / "leaking"
GENERATED = 60
"""Texts of each generated kind: with those written by hand some 180, asked over and over."""
TIE = 1e-4
"""A best label that is no further ahead may honestly come second."""


class Row(NamedTuple):
    """One model's answer."""

    label: str
    score: float


Rows = Mapping[str, Row]
"""Answers by the model's name."""


@dataclass(frozen=True)
class Truth:
    """A text, and what every model says to it, computed before the server was started."""

    text: str
    rows: Rows
    """By V2, in the model's own labels."""
    shown: Rows
    """By `/process`."""


@dataclass(frozen=True)
class Subject:
    """Models to serve, and a way to know their answers without asking them."""

    folder: Path
    truths: Callable[[], Sequence[Truth]]


def classifiers() -> list[Truth]:
    """The five, as transformers' own pipelines answer on the same weights."""
    # They bring torch along; --help should not wait for it.
    from benchmarks.texts import challenge_texts
    from tests.live.oracle import CLASSIFIERS, ODD_TEXTS, TEXTS, distribution
    from transformers.utils.logging import disable_progress_bar

    from chorus.load.texts import short_texts

    disable_progress_bar()
    settings = json.loads((ROOT / "models/process/model-settings.json").read_text())
    members = settings["parameters"]["extra"]["members"]
    truths = []
    for text in (*TEXTS, *ODD_TEXTS.values(), *short_texts(GENERATED), *challenge_texts(GENERATED)):
        ranked = {name: list(distribution(name, text).items()) for name in CLASSIFIERS}
        if any(first[1] - second[1] < TIE for first, second, *_ in ranked.values()):
            continue
        rows = {name: Row(*best) for name, (best, *_) in ranked.items()}
        names = {name: members[name].get("labels", {}) for name in rows}
        shown = {name: Row(names[name].get(r.label, r.label), r.score) for name, r in rows.items()}
        truths.append(Truth(text, rows, shown))
    return truths


def leaking(word: str = "") -> Callable[[], list[Truth]]:
    """Checksums; with a word of `leaking/chorus_leaking.py`, every text that is asked leaks."""

    def truths() -> list[Truth]:
        sys.path.append(str(FAULTY))
        from chorus_faulty import score_of

        texts = [f"text {number} {word}" for number in range(2 * GENERATED)]
        made = [(text, dict.fromkeys(("left", "right"), Row(*score_of(text)))) for text in texts]
        return [Truth(text, rows, rows) for text, rows in made]

    return truths


SUBJECTS: Mapping[str, Subject] = {
    "classifiers": Subject(ROOT / "models", classifiers),
    "healthy": Subject(LEAKING, leaking()),
    "leaks-memory": Subject(LEAKING, leaking("leak:memory")),
    "leaks-descriptors": Subject(LEAKING, leaking("leak:descriptor")),
    "leaks-threads": Subject(LEAKING, leaking("leak:thread")),
}
"""By the name on the command line. All but the first show what the verdict is worth."""
