"""The tab that tells near from far."""

from __future__ import annotations

from typing import Any, Final

from PIL import Image

from chorus_ui.panels import fields, pictures, uploads
from chorus_ui.panels.examples.files import path
from chorus_ui.panels.form import Form
from chorus_ui.request import Request


def _request(file: str | None) -> Request | None:
    return uploads.alone(file) if file else None


def _show(value: dict[str, Any], *_: Any) -> list[Image.Image]:
    return [pictures.grey(value["depth"])]


FORM: Final = Form(
    inputs=lambda: [fields.picture()],
    outputs=lambda: [fields.drawn("Lighter is nearer, with most models")],
    request=_request,
    show=_show,
    examples=[[path("street.png")], [path("fruit.png")]],
)
