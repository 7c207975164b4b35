"""Answer requests from any thread, with one hop per event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from .errors import EngineError
from .types import Request


def answer(requests: Iterable[Request]) -> None:
    """Give finished requests their results or errors, on their own event loops."""
    loops: dict[asyncio.AbstractEventLoop, list[Request]] = {}
    for request in requests:
        loops.setdefault(request.loop, []).append(request)
    for loop, finished in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, finished)


def fail(requests: Iterable[Request], error: EngineError) -> None:
    """Answer requests with an error, each once even if it is listed more often."""
    unique = {id(request): request for request in requests}.values()
    for request in unique:
        request.error = error
    answer(unique)


def _resolve(requests: list[Request]) -> None:
    for request in requests:
        request.resolve()
