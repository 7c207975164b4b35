"""Tabs that give labels to a text, an image or a recording: the model's own, or the user's."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from chorus_ui import bars
from chorus_ui.panels import fields, uploads
from chorus_ui.panels.examples import texts
from chorus_ui.panels.examples.files import path
from chorus_ui.panels.form import Form
from chorus_ui.request import Request

MOST: Final = 10  # labels of an image or a recording; a model may have a thousand


def _text(text: str) -> Request | None:
    return Request(json={"inputs": text}) if text.strip() else None


def _file(file: str | None) -> Request | None:
    return uploads.alone(file, top_k=MOST) if file else None


def _text_with_candidates(text: str, labels: str, several: bool) -> Request | None:
    if not text.strip():
        return None
    parameters = {"candidate_labels": uploads.candidates(labels), "multi_label": several}
    return Request(json={"inputs": text, "parameters": parameters})


def _file_with_candidates(file: str | None, labels: str) -> Request | None:
    if not file:
        return None
    return uploads.alone(file, candidate_labels=",".join(uploads.candidates(labels)))


def _show(value: list[Any], *_: Any) -> list[str]:
    nested = bool(value) and isinstance(value[0], list)
    return [bars.scored(value[0] if nested else value)]


TEXT: Final = Form(
    inputs=lambda: [fields.text()],
    outputs=lambda: [fields.scores()],
    request=_text,
    show=_show,
    examples=texts.OPINIONS,
)
IMAGE: Final = Form(
    inputs=lambda: [fields.picture()],
    outputs=lambda: [fields.scores()],
    request=_file,
    show=_show,
    examples=[[path("cat.png")], [path("street.png")], [path("fruit.png")]],
)
AUDIO: Final = Form(
    inputs=lambda: [fields.recording()],
    outputs=lambda: [fields.scores()],
    request=_file,
    show=_show,
    examples=[[path("bells.wav")], [path("clapping.wav")], [path("vowels.wav")]],
)
TEXT_ZERO_SHOT: Final = Form(
    inputs=lambda: [
        fields.text(),
        fields.candidates(),
        gr.Checkbox(label="Several may hold at once"),
    ],
    outputs=lambda: [fields.scores()],
    request=_text_with_candidates,
    show=_show,
    examples=texts.TOPICS,
)
IMAGE_ZERO_SHOT: Final = Form(
    inputs=lambda: [fields.picture(), fields.candidates()],
    outputs=lambda: [fields.scores()],
    request=_file_with_candidates,
    show=_show,
    examples=[
        [path("cat.png"), "a cat, a dog, a street, a bowl of fruit"],
        [path("street.png"), "a house, a beach, a kitchen"],
        [path("fruit.png"), "apples, bananas, bread"],
    ],
)
AUDIO_ZERO_SHOT: Final = Form(
    inputs=lambda: [fields.recording(), fields.candidates()],
    outputs=lambda: [fields.scores()],
    request=_file_with_candidates,
    show=_show,
    examples=[
        [path("bells.wav"), "bells, a dog, rain"],
        [path("clapping.wav"), "people clapping, an engine, silence"],
        [path("vowels.wav"), "someone speaking, a violin, wind"],
    ],
)
