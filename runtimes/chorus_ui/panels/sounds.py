"""Tabs between speech and text: what was said, and a voice for what is written."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from chorus_ui.panels import fields, uploads
from chorus_ui.panels.examples import texts
from chorus_ui.panels.examples.files import path
from chorus_ui.panels.form import Form
from chorus_ui.request import Request


def _heard(file: str | None) -> Request | None:
    return uploads.alone(file) if file else None


def _said(value: dict[str, Any], *_: Any) -> list[str]:
    return [str(value.get("text", ""))]


def _spoken(text: str) -> Request | None:
    return Request(json={"inputs": text}, saves="speech.wav") if text.strip() else None


def _played(value: bytes, *_: Any) -> list[bytes]:
    return [value]


TRANSCRIPTION: Final = Form(
    inputs=lambda: [fields.recording()],
    outputs=lambda: [fields.written("What was said")],
    request=_heard,
    show=_said,
    examples=[[path("vowels.wav")], [path("bells.wav")]],
)
SPEECH: Final = Form(
    inputs=lambda: [fields.text()],
    outputs=lambda: [gr.Audio(label="Sound", interactive=False, buttons=["download"])],
    request=_spoken,
    show=_played,
    examples=texts.SPOKEN,
    button="Speak",
)
