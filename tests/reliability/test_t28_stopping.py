"""T28: a server that is told to stop ends soon, whatever it is doing, and answers all it took."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from typing import Any

import grpc
import httpx
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime, unexpected
from tests.live.protocol import request, rest_path, tensor
from tests.reliability.conftest import FAULTY
from tests.reliability.stopping import SLOW, Rpc, measured, rest, terminated, until_in_flight

ONE = ("--models", "left")
# Seconds that a busy machine may take beyond what is promised.
SLACK = 4.0


@pytest.fixture(scope="module")
def servers(launch: Launch) -> dict[str, Runtime]:
    """One for each test, all of them started at once, for most of a start is imports."""
    patient = {"CHORUS_WATCHDOG": "60", "CHORUS_DRAIN_DELAY": "0.1"}
    slow = {"CHORUS_SLOW_SECONDS": "60", "PYTHONPATH": str(FAULTY)}
    return {
        "hung": launch(FAULTY, *ONE, environment=patient | {"CHORUS_DRAIN_TIMEOUT": "1"}),
        "impatient": launch(FAULTY, *ONE, environment=patient | {"CHORUS_DRAIN_TIMEOUT": "60"}),
        "idle": launch(FAULTY, *ONE, environment=patient),
        "loading": launch(SLOW, environment=slow),
    }


@pytest.fixture
def hung(servers: dict[str, Runtime]) -> Runtime:
    return servers["hung"].wait_until_ready("left")


async def test_t28_a_hung_pass_holds_nobody_beyond_the_drain_timeout(hung: Runtime) -> None:
    """Nor does somebody who does not read an answer."""
    with socket.socket() as reader:
        ask_and_not_read(reader, hung)
        await assert_stops_in_time(hung)


def ask_and_not_read(reader: socket.socket, server: Runtime) -> None:
    """Have an answer on its way that is too long for any buffer."""
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", server.ports.http))
    body = json.dumps({"id": "x" * 7_000_000, **request(tensor(["a text"]))}).encode()
    head = f"POST {rest_path('left')} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    reader.sendall(head.encode() + body)
    assert reader.recv(12) == b"HTTP/1.1 200"


async def assert_stops_in_time(hung: Runtime) -> None:
    async with httpx.AsyncClient(base_url=hung.url, timeout=30) as client, Rpc(hung) as rpc:
        by_rest = [asyncio.create_task(rest(client, f"hang {number}")) for number in range(3)]
        by_grpc = [asyncio.create_task(rpc.infer("hang")) for _ in range(2)]
        await until_in_flight(hung, 5)
        end = await terminated(hung)
        for answer in await asyncio.gather(*by_rest):
            assert answer.status_code == 503
            assert answer.json() == {"error": "the server is shutting down"}
            assert int(answer.headers["retry-after"]) >= 1
        assert set(await asyncio.gather(*by_grpc)) == {grpc.StatusCode.UNAVAILABLE}
        assert rpc.details == "the server is shutting down"
        assert int(rpc.trailing["retry-after"]) >= 1
    assert end.code == 0, hung.log
    assert end.seconds < 0.1 + 1 + 2 + SLACK
    measured("drain timeout 1 s", end)


async def test_t28_a_second_signal_ends_it_at_once(servers: dict[str, Runtime]) -> None:
    server = servers["impatient"].wait_until_ready("left")
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        asked = asyncio.create_task(rest(client, "hang"))
        await until_in_flight(server, 1)
        server.process.send_signal(signal.SIGTERM)
        while (await client.get("/v2/health/ready")).status_code == 200:
            await asyncio.sleep(0.01)
        end = await terminated(server)
        with pytest.raises(httpx.TransportError):
            await asked
    assert end.code == 1
    assert end.seconds < SLACK
    assert server.stderr.rstrip().endswith("chorus: a second signal: leaving what is in flight")
    measured("second signal", end)


async def test_t28_who_is_idle_holds_nothing_up(servers: dict[str, Runtime]) -> None:
    """A connection that was used, one that never was, half a request, a watch of the health."""
    server = servers["idle"].wait_until_ready("left")
    with (
        socket.create_connection(("127.0.0.1", server.ports.http)),
        socket.create_connection(("127.0.0.1", server.ports.http)) as half,
        socket.create_connection(("127.0.0.1", server.ports.metrics)),
    ):
        half.sendall(b"POST /v2/models/left/infer HTTP/1.1\r\nHost: x\r\n")
        async with httpx.AsyncClient(base_url=server.url) as client, Rpc(server) as rpc:
            assert (await rest(client, "a text")).status_code == 200
            assert await rpc.infer("a text") is grpc.StatusCode.OK
            async with grpc.aio.insecure_channel(server.grpc_address) as channel:
                health: Any = health_pb2_grpc.HealthStub(channel)
                watch = aiter(health.Watch(health_pb2.HealthCheckRequest()))
                states = [(await anext(watch)).status]
                end = await terminated(server)
                states += [answer.status async for answer in watch]
    said = health_pb2.HealthCheckResponse
    assert states == [said.SERVING, said.NOT_SERVING]
    assert end.code == 0, server.log
    assert end.seconds < 0.1 + 1 + SLACK
    measured("idle connections", end)


def test_t28_a_server_that_loads_says_so_and_stops_when_told(servers: dict[str, Runtime]) -> None:
    server = servers["loading"]
    health = _once_it_listens(f"{server.url}/v2/health/ready")
    assert health.status_code == 503
    assert health.json() == {"ready": False, "error": "model slow is loading"}
    assert httpx.get(f"{server.url}/v2/health/live").json() == {"live": True}
    ready = httpx.get(f"{server.url}/v2/models/slow/ready")
    assert (ready.status_code, ready.json()["error"]) == (503, "model slow is loading")
    _assert_not_ready_over_grpc(server)
    children = psutil.Process(server.process.pid).children(recursive=True)
    end = asyncio.run(terminated(server))
    assert end.code == 0, server.log
    assert end.seconds < 5
    assert not [child for child in children if child.is_running()]
    assert not unexpected(server.log)
    measured("while loading", end)


def _once_it_listens(url: str) -> httpx.Response:
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            continue


def _assert_not_ready_over_grpc(server: Runtime) -> None:
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub: Any = GRPCInferenceServiceStub(channel)
        health: Any = health_pb2_grpc.HealthStub(channel)
        assert stub.ServerLive(pb.ServerLiveRequest(), timeout=30).live
        assert not stub.ServerReady(pb.ServerReadyRequest(), timeout=30).ready
        assert not stub.ModelReady(pb.ModelReadyRequest(name="slow"), timeout=30).ready
        for service in ("", "inference.GRPCInferenceService", "slow"):
            asked = health_pb2.HealthCheckRequest(service=service)
            answer = health.Check(asked, timeout=30)
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as refusal:
            stub.ModelInfer(pb.ModelInferRequest(model_name="slow"), timeout=30)
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        assert refusal.value.details() == "model slow is loading"
        trailing: Any = refusal.value.trailing_metadata()
        assert 1 <= int(dict(trailing)["retry-after"]) <= 3


@pytest.mark.slow
async def test_t28_long_work_in_flight_is_finished(launch: Launch) -> None:
    """Longer than the five seconds that MLServer gives a gRPC call."""
    server = launch(FAULTY, *ONE, environment={"CHORUS_WATCHDOG": "60"}).wait_until_ready("left")
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client, Rpc(server) as rpc:
        by_rest = asyncio.create_task(rest(client, "sleep:7"))
        await until_in_flight(server, 1)
        by_grpc = asyncio.create_task(rpc.infer("sleep:7 as well"))
        await until_in_flight(server, 2)
        end = await terminated(server)
        assert (await by_rest).status_code == 200
        assert await by_grpc is grpc.StatusCode.OK
    assert end.code == 0, server.log
    measured("14 s of work", end)
