"""The tab that finds the answer to a question in a text."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from chorus_ui import bars
from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import Form
from chorus_ui.panels.spans import Span, cut
from chorus_ui.request import Request

MOST: Final = 3  # answers, of which the best is marked


def _request(question: str, context: str) -> Request | None:
    if not question.strip() or not context.strip():
        return None
    inputs = {"question": question, "context": context}
    return Request(json={"inputs": inputs, "parameters": {"top_k": MOST}})


def _show(value: Any, question: str, context: str) -> tuple[Any, str]:
    answers = value if isinstance(value, list) else [value]
    best = [Span(one["start"], one["end"], "answer") for one in answers[:1] if "start" in one]
    return cut(context, best), bars.scored(answers, "answer")


FORM: Final = Form(
    inputs=lambda: [fields.line("Question"), fields.text("Text to look in", lines=5)],
    outputs=lambda: [
        gr.HighlightedText(label="Marked", show_inline_category=False),
        fields.scores("Answers"),
    ],
    request=_request,
    show=_show,
    examples=texts.QUESTIONS,
)
