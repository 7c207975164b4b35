"""Logging of a server's process: set up once, for our own loggers and everybody else's."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Final, Literal

from . import records
from .bounds import Bounded
from .lines import JsonLine, TextLine

Format = Literal["text", "json"]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

ACCESS: Final = "chorus.access"

# Of all others only warnings are heard: at DEBUG libraries show what passes through them.
_OURS: Final = ("chorus", "chorus_gateway", "mlserver")
_SERVER: Final = "uvicorn"

logger = logging.getLogger("chorus")


def as_level(given: object) -> object:
    """Take a level's name in small letters too; whether it is one, the settings find out."""
    return given.upper() if isinstance(given, str) else given


def set_up(style: Format = "text", level: Level = "INFO") -> None:
    """Write everything to stderr, one line each, and nothing that a caller has sent."""
    logging.setLogRecordFactory(records.record)
    logging.raiseExceptions = False  # or what cannot be logged is printed with its arguments
    logging.captureWarnings(True)
    # No line says any of these, and to look them up for each record costs a tenth of it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine() if style == "json" else TextLine())
    handler.addFilter(Bounded())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    logging.getLogger(_SERVER).setLevel(max(logging.getLevelName(level), logging.INFO))
    logging.getLogger(ACCESS).setLevel(logging.INFO)  # it has a switch of its own
    threading.excepthook = _thread_failed
    sys.unraisablehook = _clean_up_failed


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value and not isinstance(args.exc_value, SystemExit):
        logger.error("a thread has ended in an unexpected way", exc_info=args.exc_value)


def _clean_up_failed(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value:
        logger.error("something failed where nobody can hear of it", exc_info=args.exc_value)
