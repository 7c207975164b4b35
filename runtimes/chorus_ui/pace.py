"""How often a browser is told of a text that grows: each time it works through the whole page."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, TypeVar

SECONDS: Final = 0.15  # an eye takes it for writing; a slow browser needs 50 ms for each

T = TypeVar("T")


async def paced(items: AsyncIterator[T], seconds: float = SECONDS) -> AsyncGenerator[T, None]:
    """Yield the first, then the newest where `seconds` have passed, and in any case the last."""
    due = 0.0
    waiting: list[T] = []
    async for item in items:
        waiting = [item]
        if time.monotonic() >= due:
            yield waiting.pop()
            due = time.monotonic() + seconds
    for item in waiting:
        yield item
