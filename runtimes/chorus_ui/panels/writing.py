"""Tabs that write a new text from another: a summary, a translation, whatever the text asks."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from chorus_ui.panels import fields
from chorus_ui.panels.examples import texts
from chorus_ui.panels.form import Form
from chorus_ui.request import Request


def length(value: int = 100) -> gr.Slider:
    """The most tokens that the model is to write."""
    return gr.Slider(1, 500, value, step=1, label="Most tokens to write")


def _request(text: str, tokens: float) -> Request | None:
    if not text.strip():
        return None
    return Request(json={"inputs": text, "parameters": {"max_new_tokens": int(tokens)}})


def _translation(text: str, tokens: float, source: str, target: str) -> Request | None:
    asked = _request(text, tokens)
    if asked is not None:
        languages = {"src_lang": source.strip(), "tgt_lang": target.strip()}
        asked.json["parameters"] |= {name: code for name, code in languages.items() if code}
    return asked


def wrote(value: Any, *_: Any) -> list[str]:
    """Show the text of an answer, whatever its field is called: `summary_text`, say."""
    first = value[0] if isinstance(value, list) else value
    return [next((str(text) for name, text in first.items() if name.endswith("_text")), "")]


def _language(label: str) -> gr.Textbox:
    return fields.line(label, "only for models of many languages: eng_Latn, de_DE, fr, …")


def _output() -> list[gr.Textbox]:
    return [fields.written()]


FREELY: Final = Form(
    inputs=lambda: [fields.text(), length()],
    outputs=_output,
    request=_request,
    show=wrote,
    examples=texts.TASKS,
    button="Write",
)
SUMMARY: Final = Form(
    inputs=lambda: [fields.text(lines=8), length()],
    outputs=_output,
    request=_request,
    show=wrote,
    examples=texts.ARTICLES,
    button="Summarise",
)
TRANSLATION: Final = Form(
    inputs=lambda: [fields.text(), length(), _language("From"), _language("To")],
    outputs=_output,
    request=_translation,
    show=wrote,
    examples=texts.SENTENCES,
    button="Translate",
)
