"""What is done for a caller ends when the caller leaves, without a task that watches for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import Scope

KEY: Final = "chorus.connection"
"""Where a request's scope holds its Connection."""


class Connection(Protocol):
    """Who knows that the caller has left."""

    left: bool
    """Whether the connection is gone."""
    working: asyncio.Task[Any] | None
    """Who is to be cancelled then."""


@contextmanager
def while_the_caller_stays(scope: Scope) -> Iterator[None]:
    """Cancel what the current task does in here when its caller leaves. Raises ClientDisconnect.

    It needs a LimitedConnection; on any other, nothing is cancelled.
    """
    connection: Connection | None = scope.get(KEY)
    if connection is None:
        yield
        return
    task = connection.working = asyncio.current_task()
    try:
        if connection.left:
            raise ClientDisconnect
        yield
    except asyncio.CancelledError:
        if task is None or not connection.left:
            raise
        task.uncancel()
        raise ClientDisconnect from None
    finally:
        connection.working = None
