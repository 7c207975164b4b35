"""From what a caller sent for an image or a recording to what may travel on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from chorus_gateway.errors import BodyTooLarge
from chorus_gateway.media import audio, encoded
from chorus_gateway.media.fetch import Fetcher
from chorus_gateway.media.limits import MediaLimits

if TYPE_CHECKING:
    from PIL import Image

    from chorus_gateway.tasks.forms import MediaSource

    Medium = Image.Image | bytes

DECODERS: Final = 2  # at once: each may hold 100 MB, and the models need the cores


class MediaReader:
    """Reads images and recordings; URLs by the event loop, files on threads of its own."""

    def __init__(self, limits: MediaLimits) -> None:
        self._limits = limits
        self._fetcher = Fetcher(limits)
        self._threads = ThreadPoolExecutor(DECODERS, thread_name_prefix="media")

    async def open(self) -> None:
        """Get ready to read; called once, in the event loop."""
        await self._fetcher.open()

    async def close(self) -> None:
        """Let go of connections, threads, and the files that nobody waits for any more."""
        await self._fetcher.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def read_all(self, sources: Iterable[MediaSource]) -> list[Medium]:
        """An RGB image of format PNG, or the bytes of an audio file, for each in a request.

        Raises BadInput, BodyTooLarge, MediaTypeUnsupported, UrlNotAllowed.
        """
        left = self._limits.max_request_pixels
        found: list[Medium] = []
        for source in sources:
            medium = await self._read(source, left)
            if not isinstance(medium, bytes):
                left -= medium.width * medium.height
            found.append(medium)
        return found

    async def _read(self, source: MediaSource, left: int) -> Medium:
        data = source.data
        if isinstance(data, str) and data[:8].lower().startswith(("http://", "https://")):
            data = await self._fetcher.fetch(data)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._decode, source.kind, data, left)

    def _decode(self, kind: str, data: str | bytes, left: int) -> Medium:
        limit = self._limits.max_bytes
        content = encoded.decode(data, limit) if isinstance(data, str) else data
        if len(content) > limit:
            raise BodyTooLarge(f"an image or a recording must be at most {limit} bytes")
        if kind == "audio":
            return audio.check(content)
        from chorus_gateway.media import images  # Pillow: only who sends images pays for it

        return images.decode(content, self._limits.max_pixels, left)
