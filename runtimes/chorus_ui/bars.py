"""Labels with their scores as bars, in HTML that contains no text as markup."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

MOST: Final = 20  # a model may have a thousand labels; beyond these they are counted
NOTHING: Final = '<p class="chorus-more">Nothing found.</p>'


@dataclass(frozen=True)
class Bar:
    """A label, its score if it has one, what it answers, and the colour that marks it elsewhere."""

    label: str
    score: float | None = None
    title: str = ""
    subtitle: str = ""
    colour: str | None = None


def number(value: Any) -> float | None:
    """A finite number; None for all else, which is how JSON has what is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def scored(results: Iterable[Mapping[str, Any]], label: str = "label") -> str:
    """Draw results such as `{"label": "cat", "score": 0.9}`; `label` is that field's name."""
    return draw([Bar(str(one.get(label, "")), number(one.get("score"))) for one in results])


def draw(bars: Sequence[Bar], most: int = MOST) -> str:
    """Draw the first of them, and say how many more there are.

    A probability fills its share. Where a score is none, as with logits and cosines, the bars
    reach from the least of the scores to the greatest.
    """
    known = [bar.score for bar in bars if bar.score is not None]
    low, high = min([0.0, *known]), max([1.0, *known])
    drawn = "".join(_item(bar, low, high) for bar in bars[:most])
    more = f'<p class="chorus-more">and {len(bars) - most} more</p>' if len(bars) > most else ""
    return f'<ul class="chorus-bars">{drawn}</ul>{more}' if bars else NOTHING


def _item(bar: Bar, low: float, high: float) -> str:
    colour = f' style="--chorus-mark:{bar.colour}"' if bar.colour else ""
    mark = '<i class="chorus-mark" aria-hidden="true"></i>' if bar.colour else ""
    title = f"{escape(bar.title)}<small>{escape(bar.subtitle)}</small>"
    title = f'<span class="chorus-title">{title}</span>' if bar.title else ""
    label = f'{title}<bdi class="chorus-label">{mark}{escape(bar.label)}</bdi>'
    if bar.score is None:
        return f"<li{colour}>{label}</li>"
    share = (bar.score - low) / (high - low)
    return (
        f'<li{colour}>{label}<span class="chorus-score">{bar.score:.3f}</span>'
        f'<span class="chorus-track" aria-hidden="true">'
        f'<span style="width:{share:.1%}"></span></span></li>'
    )
