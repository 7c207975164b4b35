"""The wire shapes whose inputs have several fields, such as a question and a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chorus_gateway import codecs
from chorus_gateway.codecs import Tensor
from chorus_gateway.errors import BadInput
from chorus_gateway.tasks.forms import (
    ARRAY,
    Form,
    MediaSource,
    is_chat,
    media_source,
    read_chat,
    require_text,
)

Field = Callable[[Any, str], Any]  # reads the value of one field; raises BadInput


class Records(Form):
    """Each input is an object: `array_inputs`, hg_jsonlist; images in it as data URIs."""

    def __init__(
        self,
        fields: Mapping[str, Field],
        aliases: Mapping[str, str] | None = None,
        *,
        folded: tuple[str, ...] = (),
        at_root: bool = False,
    ) -> None:
        self._readers = fields
        self.fields = {**{name: name for name in fields}, **(aliases or {})}
        self.folded = folded
        self.at_root = at_root

    def read(self, value: Any, where: str) -> Any:
        """An object with exactly these fields."""
        if not isinstance(value, dict) or value.keys() != self._readers.keys():
            raise BadInput(f"{where} must be an object with {' and '.join(self._readers)}")
        return {name: read(value[name], f"{where}.{name}") for name, read in self._readers.items()}

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """One JSON value per input."""
        return [codecs.encode_records(ARRAY, [{**one, **parameters} for one in inputs])]


class Columns(Records):
    """Each input is an object of texts, and each field a tensor of its own: str."""

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """One tensor per field, with that field of every input."""
        return [codecs.encode_texts(name, [one[name] for one in inputs]) for name in self._readers]


class Illustrated(Records):
    """Each input is an object, or a list of messages with images among their parts."""

    def is_one(self, value: list[Any]) -> bool:
        """A list of messages is one conversation."""
        return is_chat(value)

    def read(self, value: Any, where: str) -> Any:
        """An object with the fields, or messages."""
        if not isinstance(value, list):
            return super().read(value, where)
        chat = read_chat(value, where)
        return [_illustrated(one, f"{where}[{index}]") for index, one in enumerate(chat)]

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """One JSON value per input, an object or a list; nothing is folded into it."""
        return [codecs.encode_records(ARRAY, inputs)]


def _illustrated(message: dict[str, Any], where: str) -> dict[str, Any]:
    """A message whose parts are texts and images."""
    if isinstance(message["content"], str):
        return message
    parts = [
        _part(part, f"{where}.content[{index}]") for index, part in enumerate(message["content"])
    ]
    return {**message, "content": parts}


def _part(value: Any, where: str) -> dict[str, Any]:
    """A part as OpenAI's clients write it, or as transformers does."""
    match value:
        case {"type": "text", "text": str(said)}:
            return {"type": "text", "text": said}
        case {"type": "image_url", "image_url": {"url": source}} | {"type": "image", "url": source}:
            return {"type": "image", "image": image(source, where)}
        case {"type": "image", "image": source}:
            return {"type": "image", "image": image(source, where)}
    raise BadInput(f"{where} must be a text or an image_url")


def image(value: Any, where: str) -> MediaSource:
    """An image."""
    return media_source("image", value, where)


def images(value: Any, where: str) -> MediaSource | list[MediaSource]:
    """An image, or several."""
    if not isinstance(value, list):
        return image(value, where)
    if not value:
        raise BadInput(f"{where} must not be empty")
    return [image(one, f"{where}[{index}]") for index, one in enumerate(value)]


def text(value: Any, where: str) -> str:
    """A text."""
    return require_text(value, where)


def texts(value: Any, where: str) -> list[str]:
    """Several texts, at least one."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise BadInput(f"{where} must be a list of strings, not empty")
    return value


def table(value: Any, where: str) -> dict[str, list[str]]:
    """A table by column, all of equal length; numbers become the text that models read."""
    if not isinstance(value, dict) or not value:
        raise BadInput(f"{where} must be an object with a list of cells for each column")
    columns = {name: _cells(cells, f"{where}.{name}") for name, cells in value.items()}
    if len({len(cells) for cells in columns.values()}) != 1:
        raise BadInput(f"the columns of {where} must be of equal length")
    return columns


def _cells(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not value:
        raise BadInput(f"{where} must be a list of cells, not empty")
    if not all(
        isinstance(cell, str | int | float) and not isinstance(cell, bool) for cell in value
    ):
        raise BadInput(f"{where} must hold strings or numbers")
    return [cell if isinstance(cell, str) else str(cell) for cell in value]
