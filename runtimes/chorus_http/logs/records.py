"""What of an event may be logged at all, whichever library logs it and whoever writes it down.

The words of an exception may hold the text, the header or the URL that it is about, so they are
never kept: its type and its place are. An exception among the arguments is its type, unless it is
one of our own, whose words are ours.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

from .request_ids import CURRENT

_OURS: Final = frozenset({"chorus_gateway", "chorus_http", "chorus_weights", "mlserver_chorus"})
_MOST_CAUSES: Final = 4
_MOST_FRAMES: Final = 8
# asyncio goes on with the repr of a task or a callback, which holds exceptions and arguments.
_FIRST_WORDS: Final = re.compile(r"[A-Za-z ']*")


def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """Make a record that is fit to be written; for `logging.setLogRecordFactory`."""
    made = logging.LogRecord(*args, **kwargs)
    made.request_id = CURRENT.get()
    if made.exc_info and made.exc_info[1]:
        made.exc_text = described(made.exc_info[1])
    made.exc_info = made.stack_info = None
    made.msg = _without_words(made.msg)
    if isinstance(made.args, tuple):
        made.args = tuple(map(_without_words, made.args))
    if made.name == "asyncio":
        first = _FIRST_WORDS.match(made.getMessage())
        made.msg, made.args = (first[0] if first else "").strip(), ()
    return made


def described(error: BaseException) -> str:
    """The types and places of an exception and of what it came from, the innermost frame first."""
    return ", from ".join(map(_one, _causes(error)))


def _without_words(value: Any) -> Any:
    if not isinstance(value, BaseException) or _is_ours(value):
        return value
    return type(value).__name__


def _is_ours(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in _OURS


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        yield error
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        elif error.__cause__ or error.__suppress_context__:
            error = error.__cause__
        else:
            error = error.__context__


def _one(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    places = " < ".join(
        f"{'/'.join(PurePath(frame.filename).parts[-2:])}:{frame.lineno} in {frame.name}"
        for frame in reversed(frames)
    )
    kind = type(error).__name__
    return f"{kind} at {places}" if places else kind
