from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from chorus_gateway import readiness
from chorus_gateway.readiness import Readiness
from chorus_gateway.upstream.transport import Reply
from chorus_gateway.upstream.v2 import V2Client

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeTransport

MODELS = ("m", "process")


def client_of(transport: FakeTransport) -> V2Client:
    return V2Client(transport, timeout=1, probe_timeout=1, on_error=lambda _: None)


async def test_many_who_ask_cost_one_question(transport: FakeTransport) -> None:
    ready = Readiness(client_of(transport), MODELS)
    for states in await asyncio.gather(*(ready.models() for _ in range(100))):
        assert states == dict.fromkeys(MODELS, True)
    await ready.models()
    assert transport.count("/ready") == len(MODELS)


async def test_an_answer_does_not_hold_for_long(
    transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.01)
    ready = Readiness(client_of(transport), MODELS)
    await ready.models()
    transport.ready = Reply(503, b"")
    await asyncio.sleep(0.02)
    assert await ready.models() == dict.fromkeys(MODELS, False)


async def test_a_server_that_is_known_to_be_gone_is_not_asked(transport: FakeTransport) -> None:
    reachable = [True]
    ready = Readiness(client_of(transport), MODELS, lambda: reachable[0])
    await ready.models()
    reachable[0] = False
    assert await ready.models() == dict.fromkeys(MODELS, False)
    assert transport.count("/ready") == len(MODELS)
    reachable[0] = True
    assert await ready.models() == dict.fromkeys(MODELS, True)
