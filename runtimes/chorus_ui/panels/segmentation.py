"""The tab that colours the parts of an image."""

from __future__ import annotations

from typing import Any, Final

from PIL import Image

from chorus_ui import bars
from chorus_ui.bars import MOST, Bar
from chorus_ui.panels import fields, pictures, uploads
from chorus_ui.panels.examples.files import path
from chorus_ui.panels.form import Form
from chorus_ui.request import Request


def _request(file: str | None) -> Request | None:
    return uploads.alone(file) if file else None


def _show(value: list[dict[str, Any]], file: str) -> tuple[Image.Image, str]:
    rows = [
        Bar(str(one.get("label", "")), bars.number(one.get("score")), colour=pictures.colour(index))
        for index, one in enumerate(value)
    ]
    image = pictures.masked(pictures.opened(file), [one["mask"] for one in value[:MOST]])
    return image, bars.draw(rows)


FORM: Final = Form(
    inputs=lambda: [fields.picture()],
    outputs=lambda: [fields.drawn("Parts"), fields.scores("What they are")],
    request=_request,
    show=_show,
    examples=[[path("street.png")], [path("cat.png")]],
)
