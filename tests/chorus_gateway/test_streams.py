"""Streams through a gateway in a process of its own, and how they end early."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.chorus_gateway.v2_server import V2Server, event

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import Gateway

BODY = {"inputs": "Hi", "stream": True}
START = {"CHORUS_MODELS": "m", "CHORUS_MAX_REQUESTS_IN_FLIGHT": "1"}


@pytest.fixture
async def v2() -> AsyncIterator[V2Server]:
    async with V2Server(m="text-generation").running() as server:
        server.events = [event("a"), asyncio.Event()]
        yield server


@pytest.fixture
async def gateway(start_gateway: Callable[..., Gateway], v2: V2Server) -> Gateway:
    limits = {"CHORUS_DRAIN_DELAY": "0", "CHORUS_DRAIN_TIMEOUT": "0.3"}
    gateway = start_gateway(CHORUS_UPSTREAM=v2.url, **START, **limits)
    return await asyncio.to_thread(gateway.wait_until_live)


async def test_tokens_come_as_they_are_made_and_end_when_the_caller_leaves(
    gateway: Gateway, v2: V2Server
) -> None:
    async with aiohttp.ClientSession(gateway.url) as session:
        async with session.post("/models/m", json=BODY) as response:
            assert b'"text":"a"' in await response.content.readline()
            async with session.post("/models/m", json=BODY) as second:
                assert second.status == 503, "the stream holds its place"
        await asyncio.wait_for(v2.left.wait(), 10)
        v2.events = [b"data: {}\n\n"]
        while True:  # the place is free as soon as the gateway has noticed
            async with session.post("/models/m", json=BODY) as again:
                if again.status != 503:
                    break
            await asyncio.sleep(0.02)
        assert again.status == 502


async def test_a_caller_who_leaves_before_the_first_token(gateway: Gateway, v2: V2Server) -> None:
    v2.events = [asyncio.Event()]
    async with aiohttp.ClientSession(gateway.url) as session:
        asked = asyncio.create_task(session.post("/models/m", json=BODY))
        while not v2.calls:
            await asyncio.sleep(0.01)
        asked.cancel()
    await asyncio.wait_for(v2.left.wait(), 10)


async def test_whoever_listens_at_the_end_of_the_drain_is_told(
    gateway: Gateway, v2: V2Server
) -> None:
    async with (
        aiohttp.ClientSession(gateway.url) as session,
        session.post("/models/m", json=BODY) as response,
    ):
        await response.content.readline()
        gateway.process.send_signal(signal.SIGTERM)
        rest = await asyncio.wait_for(response.content.read(), 10)
    assert b"shutting down" in rest
    assert await asyncio.to_thread(gateway.process.wait, 20) == 0
