"""However often something goes wrong, and whoever makes it go wrong, the log stays readable."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from .lines import FIELDS

MOST: Final = 60
"""Warnings and errors of one place in the code, in a minute: one a second."""
SECONDS: Final = 60.0


class Bounded(logging.Filter):
    """Lets so many warnings of one place pass; the next one to pass says how many did not.

    Places are told apart, not messages: there are as many as the code has, whatever callers send.
    """

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        super().__init__()
        self._most = most
        self._seconds = seconds
        self._places: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if record.levelno < logging.WARNING:
            return True
        place = record.pathname, record.lineno
        now = monotonic()
        begun, count = self._places.get(place, (now, 0))
        left_out = max(count - self._most, 0)
        if now - begun >= self._seconds:
            begun, count = now, 0
        self._places[place] = begun, count + 1
        if count >= self._most:
            return False
        if left_out:
            setattr(record, FIELDS, {**getattr(record, FIELDS, {}), "left_out": left_out})
        return True
