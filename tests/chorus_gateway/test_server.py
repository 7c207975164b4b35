"""Starting and leaving, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.conftest import unexpected

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeServer, Gateway

Start = Callable[..., "Gateway"]


async def ended(gateway: Gateway) -> tuple[int, str]:
    _, stderr = await asyncio.to_thread(gateway.process.communicate, None, 20)
    return gateway.process.returncode, stderr


async def live(gateway: Gateway) -> Gateway:
    return await asyncio.to_thread(gateway.wait_until_live)


async def test_sigterm_under_load_fails_nobody(start_gateway: Start, upstream: FakeServer) -> None:
    gateway = await live(start_gateway(CHORUS_DRAIN_DELAY="0.6"))
    upstream.delay = 0.05
    statuses: list[int] = []

    async def ask_until_told_to_leave(session: aiohttp.ClientSession) -> None:
        told = False
        while not told:
            async with session.post("/process", json="a") as response:
                statuses.append(response.status)
                told = response.headers.get("connection") == "close"

    async with aiohttp.ClientSession(gateway.url) as session:
        clients = [asyncio.create_task(ask_until_told_to_leave(session)) for _ in range(20)]
        await asyncio.sleep(0.4)
        gateway.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        async with session.get("/readyz") as response:
            assert response.status == 503
        await asyncio.gather(*clients)
    assert set(statuses) == {200}
    assert len(statuses) >= 40
    assert (await ended(gateway))[0] == 0


async def test_requests_in_flight_are_answered_after_the_port_is_closed(
    start_gateway: Start, upstream: FakeServer
) -> None:
    gateway = await live(start_gateway(CHORUS_DRAIN_DELAY="0"))
    upstream.delay = 1.0
    async with aiohttp.ClientSession(gateway.url) as session:
        slow = asyncio.create_task(session.post("/process", json="a"))
        await asyncio.sleep(0.3)
        gateway.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.4)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", gateway.port)
        assert (await slow).status == 200
    assert (await ended(gateway))[0] == 0


async def test_whoever_is_left_at_the_end_of_the_drain_is_told(
    start_gateway: Start, upstream: FakeServer
) -> None:
    gateway = await live(start_gateway(CHORUS_DRAIN_DELAY="0", CHORUS_DRAIN_TIMEOUT="0.3"))
    upstream.delay = 30
    async with aiohttp.ClientSession(gateway.url) as session:
        hung = asyncio.create_task(session.post("/process", json="a"))
        await asyncio.sleep(0.3)
        gateway.process.send_signal(signal.SIGTERM)
        response = await hung
        assert response.status == 503
        assert "shutting down" in (await response.json())["error"]
    assert (await ended(gateway))[0] == 0


async def test_a_second_signal_ends_it_at_once(start_gateway: Start) -> None:
    gateway = await live(start_gateway(CHORUS_DRAIN_DELAY="30"))
    gateway.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    start = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    await ended(gateway)
    assert time.monotonic() - start < 5


async def test_interrupt_skips_the_drain_delay(start_gateway: Start) -> None:
    gateway = await live(start_gateway(CHORUS_DRAIN_DELAY="30"))
    gateway.process.send_signal(signal.SIGINT)
    code, stderr = await ended(gateway)
    assert code == 0
    assert not unexpected(stderr)


async def test_a_taken_port_is_one_clear_line(start_gateway: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, stderr = await ended(start_gateway(CHORUS_PORT=str(port)))
    assert code == 1
    assert stderr.startswith(f"chorus: port {port} is taken")
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"CHORUS_HOST": "203.0.113.1"}, "chorus: cannot listen on 203.0.113.1"),
        ({"CHORUS_HOST": "no.such.host.invalid"}, "chorus: cannot listen on no.such.host.invalid"),
        ({"CHORUS_PORT": "tcp://10.0.0.1:80"}, "chorus: wrong settings: port: "),
        ({"CHORUS_API_KEYS": "short"}, "chorus: wrong settings: CHORUS_API_KEYS: a key needs"),
        ({"CHORUS_API_KEYS_FILE": "none"}, "chorus: wrong settings: CHORUS_API_KEYS_FILE: No such"),
        ({"CHORUS_GATEWAY_SETTINGS": "typo.json"}, "chorus: wrong settings: prot: "),
        (
            {"CHORUS_GATEWAY_SETTINGS": "none.json"},
            "chorus: wrong settings: CHORUS_GATEWAY_SETTINGS names none.json",
        ),
        (
            {"CHORUS_GATEWAY_SETTINGS": "broken.json"},
            "chorus: wrong settings: broken.json is not JSON",
        ),
    ],
)
async def test_wrong_settings_are_one_clear_line(
    start_gateway: Start,
    tmp_path: Path,
    environment: dict[str, str],
    complaint: str,
) -> None:
    (tmp_path / "typo.json").write_text(json.dumps({"prot": 1}))
    (tmp_path / "broken.json").write_text("{")
    code, stderr = await ended(start_gateway(**environment))
    assert code == 1
    assert stderr.startswith(complaint)
    assert stderr.count("\n") == 1
