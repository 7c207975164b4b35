"""Tabs that turn a text or an image into a vector: its size, its look, and the numbers to take."""

from __future__ import annotations

import json
from typing import Any, Final

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chorus_ui.panels import fields, uploads
from chorus_ui.panels.examples import texts
from chorus_ui.panels.examples.files import path
from chorus_ui.panels.form import Form
from chorus_ui.panels.pictures import diverging
from chorus_ui.request import Request

Matrix = NDArray[np.float64]
ROWS: Final = 64  # of the picture; a text may have hundreds of tokens
CELL: Final = 14  # pixels that a row of the picture is high


def _text(text: str) -> Request | None:
    return Request(json={"inputs": text}) if text.strip() else None


def _image(file: str | None) -> Request | None:
    return uploads.alone(file) if file else None


def _show(value: Any, *_: Any) -> tuple[str, Image.Image, str]:
    rows = matrix(value)
    vector = rows.mean(axis=0)
    return _described(rows, vector), _heat(rows), json.dumps([round(float(x), 6) for x in vector])


def matrix(value: Any) -> Matrix:
    """Read one vector, or one for each token, from however many lists they are in.

    What is no number counts as 0.
    """
    inner = value["embeddings"] if isinstance(value, dict) else value
    numbers = np.nan_to_num(np.array(inner, dtype=np.float64))
    return numbers.reshape(-1, numbers.shape[-1])


def _described(rows: Matrix, vector: Matrix) -> str:
    count, size = rows.shape
    norm = float(np.linalg.norm(vector))
    of = f" · the mean of {count} vectors, one for each token or patch" if count > 1 else ""
    return f"{size} numbers · norm {norm:.3f}{of}"


def _heat(rows: Matrix) -> Image.Image:
    """A row of the picture for each vector: red above zero, blue below, pale near it."""
    shown = rows[:ROWS]
    largest = np.abs(shown).max() or 1.0
    height = max(len(shown) * CELL // max(1, len(shown) // 8), 2 * CELL)
    return diverging(shown / largest).resize((640, height), Image.Resampling.NEAREST)


def _outputs() -> list[gr.components.Component]:
    return [
        gr.Textbox(label="Vector", interactive=False),
        fields.drawn("Its numbers, left to right"),
        gr.Code(
            label="JSON", language="json", interactive=False, lines=1, max_lines=6, wrap_lines=True
        ),
    ]


TEXT: Final = Form(
    inputs=lambda: [fields.text()],
    outputs=_outputs,
    request=_text,
    show=_show,
    examples=texts.SENTENCES,
)
IMAGE: Final = Form(
    inputs=lambda: [fields.picture()],
    outputs=_outputs,
    request=_image,
    show=_show,
    examples=[[path("cat.png")], [path("street.png")], [path("fruit.png")]],
)
