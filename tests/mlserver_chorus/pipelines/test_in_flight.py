"""Waiting for the last one."""

from __future__ import annotations

import asyncio

from mlserver_chorus.pipelines.in_flight import InFlight


async def test_none_is_when_the_last_has_gone() -> None:
    in_flight = InFlight()
    assert await in_flight.none(10)
    with in_flight.one():
        with in_flight.one():
            assert not await in_flight.none(0.01)
        waits = asyncio.create_task(in_flight.none(10))
        await asyncio.sleep(0.01)
        assert not waits.done()
    assert await waits
