"""The choices of one answer, each a stream of its own, as they grow side by side."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from chorus_gateway.errors import UpstreamInvalid
from chorus_gateway.generation import Ending, Step
from chorus_gateway.openai.stops import UntilStop

T = TypeVar("T")


@dataclass(frozen=True)
class Piece:
    """Some more text of a choice; its last piece has the ending."""

    choice: int
    text: str
    ending: Ending | None = None
    reason: str | None = None


async def grow(
    choice: int, steps: AsyncGenerator[Step, None], echo: str, stops: Sequence[str]
) -> AsyncGenerator[Piece, None]:
    """Yield the text of one choice, after `echo`, up to a stop sequence."""
    until_stop = UntilStop(stops)
    async with aclosing(steps):
        if echo:
            yield Piece(choice, echo)
        async for step in steps:
            text = until_stop.feed(step.text)
            if step.ending:
                reason = "stop" if until_stop.found else step.ending.reason
                yield Piece(choice, text + until_stop.rest(), step.ending, reason)
                return
            if text:
                yield Piece(choice, text)
    raise UpstreamInvalid("a choice did not end")


async def merge(streams: Sequence[AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
    """Yield from all of them as they come; closing it closes them."""
    steps = {asyncio.ensure_future(anext(stream)): stream for stream in streams}
    try:
        while steps:
            done, _ = await asyncio.wait(steps, return_when=asyncio.FIRST_COMPLETED)
            for step in done:
                stream = steps.pop(step)
                try:
                    item = step.result()
                except StopAsyncIteration:
                    continue
                steps[asyncio.ensure_future(anext(stream))] = stream
                yield item
    finally:
        for step in steps:
            step.cancel()
        await asyncio.gather(*steps, return_exceptions=True)
        for stream in streams:
            await stream.aclose()
