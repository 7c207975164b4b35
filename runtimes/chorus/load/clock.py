"""The loop that sends texts by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter

from chorus.load.crowd import LOOK_SECONDS, pause

READ_SECONDS = 0.0005  # a turn of the loop per text would cost the generator more than the text


async def by_the_clock(
    times: Iterable[float], send: Callable[[float], None], stop: asyncio.Event
) -> None:
    """Call `send` with the moment that it was due, for each of `times` in seconds from now.

    However late the loop is, none is left out, until `stop`.
    """
    begin = read = perf_counter()
    for time in times:
        due = begin + time
        if perf_counter() - read > READ_SECONDS:  # replies, even when the schedule is behind
            await asyncio.sleep(0)
            read = perf_counter()
        while (early := due - perf_counter()) > 0 and not stop.is_set():  # the clock is no event
            # Waiting to be stopped costs more than sleeping: only where there is time for it.
            await (pause(early, stop) if early > LOOK_SECONDS else asyncio.sleep(early))
            read = perf_counter()
        if stop.is_set():
            return
        send(due)
