"""Files from the browser, as they go into a request."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from chorus_ui.errors import Hint
from chorus_ui.request import Attachment, Request

UNKNOWN = "application/octet-stream"


def alone(path: str, **parameters: Any) -> Request:
    """A request that is the file itself, with its parameters in the query."""
    kind = mimetypes.guess_type(path)[0] or UNKNOWN
    kind = kind if kind.startswith(("image/", "audio/")) else UNKNOWN
    query = f"?{urlencode(parameters)}" if parameters else ""
    return Request(query, body=Path(path).read_bytes(), content_type=kind)


def photo(path: str) -> Attachment:
    """An image within a request's JSON."""
    return Attachment(Path(path).read_bytes(), "photo.png")


def candidates(text: str) -> list[str]:
    """The labels of a line with commas between them. Raises Hint where there is none."""
    found = [label.strip() for label in text.split(",") if label.strip()]
    if not found:
        raise Hint("Write the labels to choose from, with commas between them.")
    return found
