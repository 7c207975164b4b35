"""The wire shapes: how inputs are written by callers, and how they travel over V2.

A class is a shape, not a task: what differs between tasks of one shape is an argument.
`records.py` has the shapes whose inputs have several fields.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from chorus_gateway import codecs
from chorus_gateway.codecs import Tensor
from chorus_gateway.errors import BadInput

Kind = Literal["image", "audio"]
ARRAY: Final = "array_inputs"  # the name under which every runtime takes a list of inputs

_NONE: Final[Mapping[str, str]] = {}
_TEXT: Final[Mapping[str, str]] = {"text": "text", "sequences": "text"}
_TEXT_PAIR: Final[Mapping[str, str]] = {**_TEXT, "text_pair": "text_pair"}


@dataclass(frozen=True)
class MediaSource:
    """An image or audio as the caller sent it, not yet looked at."""

    kind: Kind
    data: str | bytes
    """A URL, a data URI or base64; or the file itself."""


class Form(ABC):
    """One wire shape."""

    fields: Mapping[str, str]
    """The names that an input written as an object may use, each with the field it means."""
    folded: tuple[str, ...] = ()
    """Parameters that travel inside each input instead of beside them."""
    at_root: bool = False
    """Whether clients also write the fields beside `inputs`."""

    @abstractmethod
    def read(self, value: Any, where: str) -> Any:
        """Bring one input, with its fields already named as `fields` says, into its one form.

        Raises BadInput, which says that `where` must be something else.
        """

    def read_raw(self, data: bytes) -> Any:
        """One input from a body that is not JSON. Raises BadInput."""
        raise BadInput("this task takes JSON")

    def is_one(self, value: list[Any]) -> bool:
        """Whether a list is one input, not several."""
        return False

    @abstractmethod
    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """The V2 inputs that carry these; `parameters` are those of `folded`. Raises BadInput."""


class Texts(Form):
    """Each input is a text: `array_inputs`, str."""

    fields = _TEXT

    def read(self, value: Any, where: str) -> Any:
        """A string, bare or as the one field of an object."""
        if isinstance(value, dict) and value.keys() == {"text"}:
            value = value["text"]
        return require_text(value, where)

    def read_raw(self, data: bytes) -> Any:
        """The body is the text."""
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise BadInput("the text is not UTF-8") from None

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """All texts in one tensor."""
        return [codecs.encode_texts(ARRAY, inputs)]


class TextPairs(Texts):
    """Each input is a text or a pair of them: `array_inputs`, str, or hg_jsonlist with a pair."""

    fields = _TEXT_PAIR

    def read(self, value: Any, where: str) -> Any:
        """A string, or {"text", "text_pair"}."""
        if isinstance(value, dict) and value.keys() == {"text", "text_pair"}:
            return {field: require_text(value[field], f"{where}.{field}") for field in value}
        return super().read(value, where)

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """Texts alone travel as texts; one pair among them makes all of them objects."""
        if all(isinstance(one, str) for one in inputs):
            return super().encode(inputs, parameters)
        records = [{"text": one} if isinstance(one, str) else one for one in inputs]
        return [codecs.encode_records(ARRAY, records)]


class Pairs(Form):
    """Each input is a list of two texts: `array_inputs`, hg_jsonlist."""

    fields = _NONE

    def is_one(self, value: list[Any]) -> bool:
        """A list of texts is one pair."""
        return bool(value) and all(isinstance(one, str) for one in value)

    def read(self, value: Any, where: str) -> Any:
        """Two texts."""
        if not isinstance(value, list) or len(value) != 2:
            raise BadInput(f"{where} must be a list of two strings")
        return [require_text(one, f"{where}[{index}]") for index, one in enumerate(value)]

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """One JSON list per input."""
        return [codecs.encode_records(ARRAY, inputs)]


class Chats(Texts):
    """Each input is a list of messages: `array_inputs`, hg_jsonlist; or a text, where `texts`."""

    def __init__(self, *, texts: bool) -> None:
        self._texts = texts

    def is_one(self, value: list[Any]) -> bool:
        """A list of messages is one conversation."""
        return is_chat(value)

    def read(self, value: Any, where: str) -> Any:
        """Messages; a text stays one or becomes the first message."""
        if not isinstance(value, list):
            text = super().read(value, where)
            return text if self._texts else [{"role": "user", "content": text}]
        chat = read_chat(value, where)
        for index, message in enumerate(chat):
            require_text(message["content"], f"{where}[{index}].content")
        return chat

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """Texts travel as texts, conversations as JSON."""
        chats = [not isinstance(one, str) for one in inputs]
        if not any(chats):
            return super().encode(inputs, parameters)
        if not all(chats):
            raise BadInput("inputs must be either all texts or all lists of messages")
        return [codecs.encode_records(ARRAY, inputs)]


class Media(Form):
    """Each input is an image (pillow_image) or an audio file (base64), under `name`."""

    def __init__(self, kind: Kind, name: str = ARRAY) -> None:
        self._kind, self._name = kind, name
        self.fields = {kind: kind}

    def read(self, value: Any, where: str) -> Any:
        """A URL, a data URI or base64, bare or as the one field of an object."""
        if isinstance(value, dict) and value.keys() == {self._kind}:
            value = value[self._kind]
        return media_source(self._kind, value, where)

    def read_raw(self, data: bytes) -> Any:
        """The body is the file."""
        if not data:
            raise BadInput(f"the body must be an {self._kind}")
        return MediaSource(self._kind, data)

    def encode(self, inputs: list[Any], parameters: Mapping[str, Any]) -> list[Tensor]:
        """All of them in one tensor."""
        encode = codecs.encode_images if self._kind == "image" else codecs.encode_audio
        return [encode(self._name, inputs)]


def media_source(kind: Kind, value: Any, where: str) -> MediaSource:
    """What a caller wrote for an image or audio. Raises BadInput."""
    if not isinstance(value, str) or not value:
        raise BadInput(f"{where} must be an {kind}: base64, a data URI or a URL")
    return MediaSource(kind, value)


def require_text(value: Any, where: str) -> str:
    """Return a string. Raises BadInput."""
    if not isinstance(value, str):
        raise BadInput(f"{where} must be a string")
    return value


def is_chat(value: list[Any]) -> bool:
    """Whether a list is one conversation, not several inputs."""
    return bool(value) and all(isinstance(one, dict) and "role" in one for one in value)


def read_chat(value: list[Any], where: str) -> list[dict[str, Any]]:
    """Messages, each with a role and a text or a list of parts. Raises BadInput."""
    if not value:
        raise BadInput(f"{where} must hold a message")
    return [_message(one, f"{where}[{index}]") for index, one in enumerate(value)]


def _message(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != {"role", "content"}:
        raise BadInput(
            f'{where} must be a message, for example {{"role": "user", "content": "Hi"}}'
        )
    require_text(value["role"], f"{where}.role")
    if not isinstance(value["content"], str | list):
        raise BadInput(f"{where}.content must be a string")
    return value
