"""What is being answered right now, over both transports, and how it ends when time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlserver.errors import MLServerError

from .health import SHUTTING_DOWN


class InFlight:
    """The tasks that answer callers; a stopping server gives up on them in the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._given_up: set[asyncio.Task[Any]] = set()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count the running task. Raises MLServerError (503) inside it when it is given up on."""
        task = asyncio.current_task()
        assert task is not None, "callers are answered in tasks"  # noqa: S101
        self._tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._given_up:
                raise  # the caller has left
            task.uncancel()
            raise MLServerError(SHUTTING_DOWN, 503) from None
        finally:
            self._tasks.discard(task)
            self._given_up.discard(task)

    def give_up(self) -> int:
        """Answer 503 to all that are left; how many they are."""
        self._given_up = set(self._tasks)
        for task in self._given_up:
            task.cancel()
        return len(self._given_up)
