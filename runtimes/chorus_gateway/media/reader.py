"""From what a caller sent for an image or a recording to what may travel on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from chorus_gateway.errors import BadInput, Busy
from chorus_gateway.media import files
from chorus_gateway.media.fetch import Fetcher
from chorus_gateway.media.limits import MediaLimits
from chorus_http.media.memory_budget import MemoryBudget, NeverFits, NoRoom, Share

if TYPE_CHECKING:
    from chorus_gateway.media.files import File, Medium
    from chorus_gateway.tasks.forms import MediaSource

P = ParamSpec("P")
T = TypeVar("T")

DECODERS: Final = 2  # at once: the models need the cores
PATIENCE: Final = 30.0  # seconds for others to let go of what they have; then 503


class MediaReader:
    """Reads images and recordings; URLs by the event loop, files on threads of its own."""

    def __init__(self, limits: MediaLimits) -> None:
        self._limits = limits
        self._fetcher = Fetcher(limits)
        self._threads = ThreadPoolExecutor(DECODERS, thread_name_prefix="media")
        self._budget = MemoryBudget(limits.max_decoded_bytes)

    async def open(self) -> None:
        """Get ready to read; called once, in the event loop."""
        await self._fetcher.open()

    async def close(self) -> None:
        """Let go of connections, threads, and the files that nobody waits for any more."""
        await self._fetcher.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def open_all(self, sources: Sequence[MediaSource]) -> list[File]:
        """What the images and recordings of a request are; nothing is unpacked yet.

        Raises BadInput, BodyTooLarge, MediaTypeUnsupported, UrlNotAllowed, FetchFailed,
        FetchTimeout.
        """
        if len(sources) > self._limits.max_files:
            raise BadInput(
                f"a request may hold at most {self._limits.max_files} images and recordings"
            )
        opened: list[File] = []
        together = files.Together(self._limits)
        for source in sources:
            opened.append(await self._open(source))
            together.add(opened[-1])
        return opened

    @asynccontextmanager
    async def memory(self, opened: list[File], caller: str) -> AsyncIterator[Share]:
        """The memory that it takes to decode them and to send them on, for as long as it lasts.

        Raises Busy when others do not let go of theirs, BadInput for what never fits.
        """
        try:
            async with self._budget.share(files.memory(opened), caller, PATIENCE) as share:
                yield share
        except NeverFits:
            raise BadInput(
                "the images of the request take more memory than CHORUS_MAX_DECODED_BYTES"
            ) from None
        except NoRoom:
            raise Busy from None

    async def decode_all(self, opened: list[File]) -> list[Medium]:
        """An RGB image of format PNG, or the bytes of an audio file, for each. Raises BadInput."""
        return [await self._run(files.decode, file) for file in opened]

    async def _open(self, source: MediaSource) -> File:
        data = source.data
        if isinstance(data, str) and data[:8].lower().startswith(("http://", "https://")):
            data = await self._fetcher.fetch(data, source.kind)
        return await self._run(files.open_file, source.kind, data, self._limits)

    async def _run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*arguments, **named))
