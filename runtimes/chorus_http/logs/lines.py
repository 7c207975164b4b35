"""How an event is written down: always one line, in words or as JSON."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, Final

from pythonjsonlogger.json import JsonFormatter

FIELDS: Final = "fields"
"""The attribute of a record that holds what goes beside its message, by name."""


class TextLine(logging.Formatter):
    """`time LEVEL logger message name=value …`, the type and place of an exception at the end."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line; what could end it or hide in it is escaped."""
        words = [_time(record), record.levelname, record.name, record.getMessage().strip()]
        words += [f"{name}={value}" for name, value in _beside(record).items()]
        return _printable(" ".join(words))


class JsonLine(JsonFormatter):
    """One object, in ASCII: time, level, logger, message, request_id and the fields beside it."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Fill the object; what a library adds to its records is left out."""
        log_data["time"] = _time(record)
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = record.getMessage().strip()
        log_data.update(_beside(record))


def _beside(record: logging.LogRecord) -> dict[str, Any]:
    beside: dict[str, Any] = {}
    if request_id := getattr(record, "request_id", ""):
        beside["request_id"] = request_id
    beside |= getattr(record, FIELDS, {})
    if record.exc_text:
        beside["exception"] = record.exc_text
    return beside


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{record.msecs:03.0f}Z"


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
