"""How long a request is worth an answer: while it waits, and until its caller's own deadline."""

from __future__ import annotations

from asyncio import TimerHandle
from time import monotonic

from . import metrics
from .errors import DeadlineExceeded, QueueTimeout
from .types import Request

LATE = "the deadline passed before there was an answer"


def timers(request: Request, wait: float, deadline: float | None) -> list[TimerHandle]:
    """Give up on a request after `wait` seconds in line, and at its deadline wherever it is.

    On its event loop; to be cancelled when it is over.
    """
    loop = request.loop
    if deadline is None:
        return [loop.call_later(wait, _waited, request)]
    left = deadline - monotonic()
    own = loop.call_later(max(left, 0), _late, request)
    return [own] if left <= wait else [own, loop.call_later(wait, _waited, request)]


def _waited(request: Request) -> None:
    if not request.started and not request.dead:
        request.error = QueueTimeout("the server is too busy to answer in time")
        request.resolve()


def _late(request: Request) -> None:
    if not request.dead:
        metrics.EXPIRED.inc()
        request.error = DeadlineExceeded(LATE)
        request.resolve()
