"""Logging of the page's process: a line to stderr for each event, and nothing that a user wrote."""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

OURS: Final = "chorus_ui"


class Line(logging.Formatter):
    """`time LEVEL logger message`, and the type and place of an exception at its end."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line; what could end it or hide in it is escaped."""
        line = " ".join(map(str, fields(record).values()))
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class Json(logging.Formatter):
    """The same as an object."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        return json.dumps(fields(record))


def set_up(style: str, level: str) -> None:
    """Write everything to stderr: warnings of all libraries, our own from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if style == "json" else Line())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.getLogger(OURS).setLevel(level)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what is written of a record, by name."""
    written = {
        "time": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}"
        f".{record.msecs:03.0f}Z",
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage().strip(),
    }
    if record.exc_info and record.exc_info[1]:
        written["exception"] = place(record.exc_info[1])
    return written


def place(error: BaseException) -> str:
    """Name an exception and where it was raised; its text may quote a user's."""
    at: TracebackType | None = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    code = at.tb_frame.f_code if at else None
    where = f"{code.co_qualname}:{at.tb_lineno}" if at and code else "nowhere"
    return f"{type(error).__name__} in {where}"
