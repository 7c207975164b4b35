"""Tabs that say something about an image: a caption, or the answer to a question."""

from __future__ import annotations

from typing import Any, Final

from chorus_ui import bars
from chorus_ui.panels import fields, uploads
from chorus_ui.panels.examples.files import path
from chorus_ui.panels.form import Form
from chorus_ui.panels.writing import length, wrote
from chorus_ui.request import Request


def _caption(file: str | None) -> Request | None:
    return uploads.alone(file) if file else None


def _question(file: str | None, question: str) -> Request | None:
    if not file or not question.strip():
        return None
    return Request(json={"inputs": {"question": question, "image": uploads.photo(file)}})


def _instruction(file: str | None, text: str, tokens: float) -> Request | None:
    if not file or not text.strip():
        return None
    parameters = {"max_new_tokens": int(tokens), "return_full_text": False}
    parts = [{"type": "image", "image": uploads.photo(file)}, {"type": "text", "text": text}]
    chat = [{"role": "user", "content": parts}]
    return Request(json={"inputs": chat, "parameters": parameters})


def _answers(value: list[dict[str, Any]], *_: Any) -> list[str]:
    return [bars.scored(value, "answer")]


def _generated(value: list[dict[str, Any]], *_: Any) -> list[str]:
    return [str(value[0].get("generated_text", ""))]


CAPTION: Final = Form(
    inputs=lambda: [fields.picture()],
    outputs=lambda: [fields.written("Caption")],
    request=_caption,
    show=wrote,
    examples=[[path("cat.png")], [path("street.png")], [path("invoice.png")]],
)
QUESTION: Final = Form(
    inputs=lambda: [fields.picture(), fields.line("Question")],
    outputs=lambda: [fields.scores("Answers")],
    request=_question,
    show=_answers,
    examples=[
        [path("street.png"), "What colour is the car?"],
        [path("cat.png"), "What animal is this?"],
        [path("fruit.png"), "How many apples are there?"],
    ],
    button="Ask",
)
DOCUMENT: Final = Form(
    inputs=lambda: [fields.picture(), fields.line("Question")],
    outputs=lambda: [fields.scores("Answers")],
    request=_question,
    show=_answers,
    examples=[
        [path("invoice.png"), "What is the number of the invoice?"],
        [path("invoice.png"), "What is the total?"],
    ],
    button="Ask",
)
INSTRUCTION: Final = Form(
    inputs=lambda: [fields.picture(), fields.text("What to say about it", lines=2), length()],
    outputs=lambda: [fields.written()],
    request=_instruction,
    show=_generated,
    examples=[
        [path("street.png"), "Describe this picture."],
        [path("invoice.png"), "List what was bought, with prices."],
    ],
    button="Ask",
)
