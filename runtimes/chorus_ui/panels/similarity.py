"""Tabs that order sentences: by how near they are to another, or by how well they answer it."""

from __future__ import annotations

from typing import Any, Final

from chorus_ui import bars
from chorus_ui.bars import Bar
from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import Form
from chorus_ui.request import Request


def _others(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _near(source: str, text: str) -> Request | None:
    others = _others(text)
    if not source.strip() or not others:
        return None
    return Request(json={"inputs": {"source_sentence": source, "sentences": others}})


def _answering(query: str, text: str) -> Request | None:
    others = _others(text)
    if not query.strip() or not others:
        return None
    return Request(json={"inputs": [[query, other] for other in others]})


def _show(value: list[Any], source: str, text: str) -> list[str]:
    scores = [one["scores"] if isinstance(one, dict) else one for one in value]
    found = [
        Bar(sentence, bars.number(score[0] if isinstance(score, list) else score))
        for sentence, score in zip(_others(text), scores, strict=True)
    ]
    return [bars.draw(sorted(found, key=_falling))]


def _falling(bar: Bar) -> float:
    return float("inf") if bar.score is None else -bar.score


NEAR: Final = Form(
    inputs=lambda: [fields.line("Sentence"), fields.text("Others, a line each", lines=5)],
    outputs=lambda: [fields.scores("Nearest first")],
    request=_near,
    show=_show,
    examples=texts.PARAPHRASES,
)
ANSWERING: Final = Form(
    inputs=lambda: [fields.line("Query"), fields.text("Texts, a line each", lines=5)],
    outputs=lambda: [fields.scores("Best first")],
    request=_answering,
    show=_show,
    examples=texts.SEARCHES,
)
