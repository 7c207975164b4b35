"""Tabs that find things in an image: those that the model knows, or those that the user names."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from PIL import Image

from chorus_ui import bars
from chorus_ui.bars import MOST, Bar
from chorus_ui.panels import fields, pictures, uploads
from chorus_ui.panels.examples.files import path
from chorus_ui.panels.form import Form
from chorus_ui.request import Request


def _request(file: str | None, threshold: float) -> Request | None:
    return uploads.alone(file, threshold=threshold) if file else None


def _with_candidates(file: str | None, threshold: float, labels: str) -> Request | None:
    if not file:
        return None
    named = ",".join(uploads.candidates(labels))
    return uploads.alone(file, candidate_labels=named, threshold=threshold)


def _show(value: list[dict[str, Any]], file: str, *_: Any) -> tuple[Image.Image, str]:
    found = sorted(value, key=lambda one: -(bars.number(one.get("score")) or 0))
    rows = [
        Bar(
            f"{index + 1} · {one.get('label', '')}",
            bars.number(one.get("score")),
            colour=pictures.colour(index) if index < MOST else None,
        )
        for index, one in enumerate(found)
    ]
    image = pictures.boxes(pictures.opened(file), [one["box"] for one in found[:MOST]])
    return image, bars.draw(rows)


def _threshold(value: float) -> gr.Slider:
    return gr.Slider(0, 1, value, step=0.01, label="Least score")


def _outputs() -> list[gr.components.Component]:
    return [fields.drawn("Found"), fields.scores("What it is")]


KNOWN: Final = Form(
    inputs=lambda: [fields.picture(), _threshold(0.5)],
    outputs=_outputs,
    request=_request,
    show=_show,
    examples=[[path("street.png")], [path("invoice.png")]],
)
NAMED: Final = Form(
    inputs=lambda: [fields.picture(), _threshold(0.1), fields.candidates()],
    outputs=_outputs,
    request=_with_candidates,
    show=_show,
    examples=[
        [path("street.png"), 0.1, "a house, a car, a tree"],
        [path("fruit.png"), 0.1, "an apple, a banana"],
    ],
)
