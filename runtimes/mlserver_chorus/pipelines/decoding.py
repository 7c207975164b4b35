"""Where files are decoded: threads and memory of the whole process, which its models share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from typing import TypeVar

from chorus_http.media.memory_budget import MemoryBudget, NeverFits, NoRoom

from ..engine.errors import Overloaded
from ..errors import InvalidRequest
from .media import Budget

T = TypeVar("T")

# The models need the other cores; where there are many, eight decoders keep a GPU busy.
THREADS = min(max(2, (os.cpu_count() or 2) // 2), 8)


class Decoding:
    """Decodes off the event loop, for requests that together take at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._budget = MemoryBudget(limit)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="media")

    async def run(self, work: Callable[[], T]) -> T:
        """Do it on one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @asynccontextmanager
    async def memory(
        self, budget: Budget, decode: Callable[[], T], *, caller: str, patience: float
    ) -> AsyncIterator[T]:
        """Decode the files of a request, when there is room for them; they may stay for the block.

        Raises Overloaded when there was none for `patience` seconds, and InvalidRequest for what
        never fits, or what `decode` finds.
        """
        try:
            async with self._budget.share(budget.bytes_at_most, caller, patience) as share:
                made = await self.run(decode)
                share.shrink(budget.bytes_kept)
                yield made
        except NeverFits:
            raise InvalidRequest(
                "inputs", "take more memory, once decoded, than CHORUS_MAX_DECODED_BYTES"
            ) from None
        except NoRoom:
            raise Overloaded(
                "too many images and recordings are being decoded; try again"
            ) from None


@cache
def of_process(limit: int) -> Decoding:
    """The one that all models of the process share."""
    return Decoding(limit)
