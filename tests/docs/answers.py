"""Whether an answer is the one that a page shows."""

from __future__ import annotations

import json
from typing import Any

TOLERANCE = 0.01
"""Of a score: stand-ins of another training, or another processor, differ by less."""


def values(output: str) -> list[Any]:
    """The JSON values that a block has printed one after the other; other lines are left out."""
    found: list[Any] = []
    rest = output
    while rest := rest.lstrip():
        try:
            value, end = json.JSONDecoder().raw_decode(rest)
        except json.JSONDecodeError:
            rest = rest.partition("\n")[2]
        else:
            found.append(value)
            rest = rest[end:]
    return found


def same(shown: Any, answer: Any) -> bool:
    """Alike but for scores within TOLERANCE, also in texts of JSON; "…" stands for anything."""
    if shown == "…":
        return True
    if isinstance(shown, str) and isinstance(answer, str) and shown.startswith("{"):
        return same(json.loads(shown), json.loads(answer))
    if isinstance(shown, float):
        return isinstance(answer, float) and abs(shown - answer) <= TOLERANCE
    if isinstance(shown, dict) and isinstance(answer, dict):
        return shown.keys() == answer.keys() and all(same(shown[k], answer[k]) for k in shown)
    if isinstance(shown, list) and isinstance(answer, list):
        return len(shown) == len(answer) and all(map(same, shown, answer))
    return bool(shown == answer)
