"""T30: a forward pass that never returns, or a device that is lost: the server says so."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mlserver.grpc import dataplane_pb2 as pb
from tests.conftest import Launch, Runtime, unexpected
from tests.reliability.conftest import FAULTY
from tests.reliability.stopping import Rpc, rest
from tests.stack.conftest import Stack

ONE = ("--models", "left")
WATCHDOG = 1.0
QUICK = {"CHORUS_WATCHDOG": str(WATCHDOG), "CHORUS_DRAIN_TIMEOUT": "1"}
# Seconds that a busy machine may take beyond what is promised.
SLACK = 5.0


@pytest.fixture(scope="module")
def servers(launch: Launch) -> list[Runtime]:
    """Two, started at once."""
    return [launch(FAULTY, *ONE, environment=QUICK) for _ in range(2)]


async def asked_once(server: Runtime, client: httpx.AsyncClient) -> None:
    """Have one pass behind it: the first may take longer."""
    await asyncio.to_thread(server.wait_until_ready, "left")
    assert (await rest(client, "a text")).status_code == 200


async def until_not_live(client: httpx.AsyncClient) -> httpx.Response:
    while (answer := await client.get("/v2/health/live")).status_code == 200:
        assert answer.json() == {"live": True}
        await asyncio.sleep(0.02)
    return answer


async def test_t30_a_pass_that_never_returns(servers: list[Runtime]) -> None:
    server, _ = servers
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client, Rpc(server) as rpc:
        await asked_once(server, client)
        begun = time.monotonic()
        by_rest = asyncio.create_task(rest(client, "hang"))
        by_grpc = asyncio.create_task(rpc.infer("hang"))
        dead = await until_not_live(client)
        seconds = time.monotonic() - begun
        assert seconds < WATCHDOG + 1 + SLACK
        assert dead.status_code == 503
        assert dead.json()["live"] is False
        assert "forward pass has not come back" in dead.json()["error"]
        # Whoever is in the pass hears that time is up, and whoever waits for another, to go away.
        statuses = {(await by_rest).status_code, STATUSES[await by_grpc]}
        assert 504 in statuses <= {503, 504}
        await assert_unready(client, rpc)
        answer = await rest(client, "another text")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert await rpc.infer("another text") is grpc.StatusCode.UNAVAILABLE
        assert server.process.poll() is None, "it may come back: whoever asks decides"
    assert server.terminate() == 0, server.log
    print(f"watchdog {WATCHDOG:g} s: not live after {seconds:.2f} s")  # noqa: T201


STATUSES = {grpc.StatusCode.DEADLINE_EXCEEDED: 504, grpc.StatusCode.UNAVAILABLE: 503}


async def assert_unready(client: httpx.AsyncClient, rpc: Rpc) -> None:
    for path in ("/v2/health/ready", "/v2/models/left/ready"):
        answer = await client.get(path)
        assert answer.status_code == 503
        assert answer.json()["ready"] is False
    assert not (await rpc.stub.ServerLive(pb.ServerLiveRequest())).live
    assert not (await rpc.stub.ServerReady(pb.ServerReadyRequest())).ready
    assert not (await rpc.stub.ModelReady(pb.ModelReadyRequest(name="left"))).ready
    health: Any = health_pb2_grpc.HealthStub(rpc.channel)
    for service in ("", "left"):
        state = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert state.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_t30_a_lost_device_ends_the_server(servers: list[Runtime]) -> None:
    _, server = servers
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        await asked_once(server, client)
        assert (await rest(client, "lost")).status_code == 503
        dead = await until_not_live(client)
        assert dead.json() == {"live": False, "error": "the device failed"}
        assert (await rest(client, "another text")).status_code == 503
    assert await asyncio.to_thread(server.exit_code, 30) == 1
    *_, last = server.stderr.splitlines()
    assert last == "chorus: the device failed; it takes a new process to use it again"
    assert not unexpected(server.log)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "reason"),
    [("hang", "a forward pass has not come back"), ("lost", "the device failed")],
)
def test_t30_chorus_serve_starts_it_again(tmp_path: Path, text: str, reason: str) -> None:
    options = ("--models-dir", str(FAULTY))
    stack = Stack.start(tmp_path / "log", *options, CHORUS_WATCHDOG=str(WATCHDOG))
    try:
        stack.wait_until_announced()
        assert ask(stack, "a text").status_code == 200
        assert ask(stack, text).status_code in (503, 504)
        begun = time.monotonic()
        while "runtime is ready again" not in stack.log.read_text():
            assert time.monotonic() - begun < 60, stack.log.read_text()
            time.sleep(0.1)
        seconds = time.monotonic() - begun
        stack.wait_until_ready()
        assert ask(stack, "a text").status_code == 200
    finally:
        code = stack.stop()
    assert code == 0, stack.log.read_text()
    said = [line for line in stack.log.read_text().splitlines() if "starting it again" in line]
    assert len(said) == 1, stack.log.read_text()
    assert reason in said[0]
    print(f"{text}: ready again after {seconds:.1f} s")  # noqa: T201


def ask(stack: Stack, text: str) -> httpx.Response:
    return httpx.post(f"{stack.url}/process", json=text, timeout=30)
