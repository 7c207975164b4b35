"""The events of one stream, from the lane's thread to the caller's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine.timings import Timings
from .lane import Lane
from .requests import Call
from .running import Left

if TYPE_CHECKING:
    from .loading import Loaded


class Events:
    """Iterate once, asynchronously; whoever stops iterating stops the generation."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._run: asyncio.Task[Any] | None = None

    @classmethod
    def start(
        cls,
        loaded: Loaded,
        lane: Lane,
        call: Call,
        *,
        key: str,
        deadline: float | None,
        timings: Timings | None = None,
    ) -> Events:
        """Queue the generation in the model's lane. Raises InvalidRequest."""
        from . import streaming

        streaming.check(call.options)
        events = cls()
        run = partial(events._generate, loaded, call)
        queued = lane.run(call.inputs, run, key=key, deadline=deadline, timings=timings)
        events._run = asyncio.create_task(queued)
        return events

    def _generate(self, loaded: Loaded, call: Call, inputs: list[Any], left: Left) -> list[None]:
        from . import streaming

        streaming.generate(loaded, inputs[0], call.options, self._emit, left)
        return [None]

    def _emit(self, event: dict[str, Any]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Each event; then what the lane raised, if it did."""
        assert self._run is not None  # noqa: S101 # `start` is the only way to make one
        try:
            while not (self._run.done() and self._queue.empty()):
                waiting = asyncio.ensure_future(self._queue.get())
                await asyncio.wait({waiting, self._run}, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    yield waiting.result()
                else:
                    waiting.cancel()
            await self._run
        finally:
            self._run.cancel()
