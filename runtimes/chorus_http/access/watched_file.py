"""A file that is read again when it has changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final, TypeAlias

INTERVAL: Final = 1.0
"""Seconds between two looks at it."""

_Stamp: TypeAlias = tuple[int, int, int]


class WatchedFile:
    """A text in UTF-8; to look whether it is another one costs a call to the system."""

    def __init__(self, path: Path, now: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._now = now
        self._next_look = now() + INTERVAL
        self._stamp: _Stamp | None = None
        self.is_private = True
        """Whether nobody but its owner could read it when it was last read."""

    def read(self) -> str:
        """All of it. Raises OSError, UnicodeDecodeError."""
        with self._path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            self._stamp = _stamp_of(status)
            self.is_private = not status.st_mode & (stat.S_IRGRP | stat.S_IROTH)
            return file.read()

    def has_changed(self) -> bool:
        """Whether it is another one than at the last look; looks at most once per INTERVAL."""
        now = self._now()
        if now < self._next_look:
            return False
        self._next_look = now + INTERVAL
        before, self._stamp = self._stamp, self._look()
        return self._stamp != before

    def _look(self) -> _Stamp | None:
        try:
            return _stamp_of(self._path.stat())
        except OSError:
            return None


def _stamp_of(status: os.stat_result) -> _Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino
