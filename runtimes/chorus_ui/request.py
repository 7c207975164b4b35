"""What the page sends to the gateway: JSON, or a file as it is."""

import base64
import json
from dataclasses import dataclass, replace
from typing import Any, Final

JSON: Final = "application/json"


@dataclass(frozen=True)
class Attachment:
    """A file within a request's JSON: sent in base64, and in a snippet read from `name`."""

    content: bytes
    name: str

    def encoded(self) -> str:
        """Return the base64 of it, in one line."""
        return base64.b64encode(self.content).decode()


@dataclass(frozen=True)
class Request:
    """One POST. `path` is below the model's for a panel, and whole for who sends it.

    `json` may contain `Attachment`s wherever a string may be. With a `body`, that is sent as
    `content_type`, and a snippet reads it from a file.
    """

    path: str = ""
    json: Any = None
    body: bytes | None = None
    content_type: str = JSON
    saves: str | None = None
    """The file that a snippet keeps the answer in, where it is no text: `speech.wav`."""

    def below(self, path: str) -> "Request":
        """Return it with a path before its own."""
        return replace(self, path=path + self.path)

    @property
    def content(self) -> bytes:
        """The bytes that are sent. Raises TypeError for what is not JSON."""
        if self.body is not None:
            return self.body
        return json.dumps(self.json, ensure_ascii=False, default=_encoded).encode(
            errors="surrogatepass"
        )

    @property
    def streams(self) -> bool:
        """Whether it asks for an answer in pieces."""
        return isinstance(self.json, dict) and self.json.get("stream") is True


def _encoded(value: object) -> str:
    if isinstance(value, Attachment):
        return value.encoded()
    raise TypeError(f"{type(value).__name__} is not JSON")
