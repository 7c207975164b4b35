"""The tab that marks what a text names: people, places, findings."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from chorus_ui import bars
from chorus_ui.bars import Bar
from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import Form
from chorus_ui.panels.spans import Span, cut
from chorus_ui.request import Request


def _request(text: str) -> Request | None:
    return Request(json={"inputs": text}) if text.strip() else None


def _show(value: list[dict[str, Any]], text: str) -> tuple[Any, str]:
    spans = [
        Span(one["start"], one["end"], _kind(one))
        for one in value
        if "start" in one and "end" in one
    ]
    found = [
        Bar(f"{_word(one, text)} · {_kind(one)}", bars.number(one.get("score"))) for one in value
    ]
    return cut(text, spans), bars.draw(found)


def _word(entity: dict[str, Any], text: str) -> str:
    """As it stands in the text; the tokenizer's own spelling where it does not say where."""
    return text[entity.get("start", 0) : entity.get("end", 0)] or str(entity.get("word", ""))


def _kind(entity: dict[str, Any]) -> str:
    return str(entity.get("entity_group") or entity.get("entity") or "")


FORM: Final = Form(
    inputs=lambda: [fields.text()],
    outputs=lambda: [
        gr.HighlightedText(label="Marked", show_legend=True),
        fields.scores("Found"),
    ],
    request=_request,
    show=_show,
    examples=texts.NAMES,
)
