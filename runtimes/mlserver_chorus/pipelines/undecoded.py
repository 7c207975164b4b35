"""Files of a request before they are decoded, so that room for all of them is made first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chorus_http.media.errors import MediaError

from ..errors import InvalidRequest


@dataclass(frozen=True)
class Undecoded:
    """Stands in a request's inputs for an image or a recording."""

    field: str
    work: Callable[[], Any]


def decoded(value: Any) -> Any:
    """The inputs with their files decoded; it takes time. Raises InvalidRequest."""
    if isinstance(value, Undecoded):
        try:
            return value.work()
        except MediaError as error:
            raise InvalidRequest(value.field, str(error)) from None
    if isinstance(value, dict):
        return {key: decoded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [decoded(part) for part in value]
    return value
