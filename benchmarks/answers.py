"""What a server says about a text, in one form for all peers."""

from __future__ import annotations

from typing import Any, NamedTuple

KEYS = ("cardiffnlp", "ivanlau", "svalabs", "EIStakovskii", "jy46604790")

# Another batch shape moves a float32 score by about 1e-6; another arithmetic moves it by more.
TOLERANCE = 1e-4


class Result(NamedTuple):
    """One model's first choice."""

    label: str
    score: float


Answers = dict[str, Result]


def result(value: dict[str, Any]) -> Result:
    """The pair in a `{"label": …, "score": …}` object; KeyError or ValueError if it is none."""
    return Result(str(value["label"]), float(value["score"]))


def common_label(key: str, label: str) -> str:
    """A model's own label as `/process` spells it."""
    if key == "cardiffnlp":
        return label.upper()
    return "Mongolian" if label == "Mangolian" else label


def agree(one: Answers, other: Answers) -> bool:
    """Whether both hold the same labels for the same models, and scores within TOLERANCE."""
    return one.keys() == other.keys() and all(
        one[key].label == other[key].label and abs(one[key].score - other[key].score) < TOLERANCE
        for key in one
    )
