"""T27: an instance leaves under load, with long work in flight, and nobody's request fails."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import grpc
import httpx
import psutil
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime, unexpected
from tests.live.protocol import message, request, rest_path, tensor
from tests.reliability.balancer import Balancer
from tests.reliability.conftest import FAULTY
from tests.reliability.stopping import Rpc, rest, until_in_flight

PER_SECOND = 25
"""Over each of the two transports."""
CONNECTIONS = 4
# Long enough for gRPC's clients to be asked to connect anew.
DRAIN_DELAY = 2.0
LONG = 2.0
# Seconds that a busy machine may take beyond what is promised.
SLACK = 4.0

Ask = Callable[[int, str], Awaitable[dict[str, Any]]]


@dataclass
class Load:
    """An open loop of callers who try once and never again."""

    ask: Ask
    answered: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    async def run(self, stopped: asyncio.Event) -> None:
        """Send at an even pace, answered or not; then wait for the last answer."""
        loop = asyncio.get_running_loop()
        began, number = loop.time(), 0
        async with asyncio.TaskGroup() as group:
            while not stopped.is_set():
                group.create_task(self._call(number))
                number += 1
                await asyncio.sleep(max(0.0, began + number / PER_SECOND - loop.time()))

    async def _call(self, number: int) -> None:
        from chorus_faulty import score_of

        text = f"text {number}"
        try:
            result = await self.ask(number, text)
        except Exception as error:
            self.failed[f"{type(error).__name__}: {error}"] += 1
            return
        label, score = score_of(text)
        assert result == {"label": label, "score": pytest.approx(score, abs=1e-6)}
        self.answered += 1


@asynccontextmanager
async def over_rest(balancer: Balancer) -> AsyncIterator[Ask]:
    """Connections that are kept alive."""
    async with AsyncExitStack() as opened:
        sessions = [
            await opened.enter_async_context(aiohttp.ClientSession(balancer.url))
            for _ in range(CONNECTIONS)
        ]

        async def ask(number: int, text: str) -> dict[str, Any]:
            session = sessions[number % CONNECTIONS]
            async with session.post(rest_path("left"), json=request(tensor([text]))) as response:
                answer = await response.json()
                assert response.status == 200, answer
                result: dict[str, Any] = json.loads(answer["outputs"][0]["data"][0])
                return result

        yield ask


@asynccontextmanager
async def over_grpc(balancer: Balancer) -> AsyncIterator[Ask]:
    """Channels as a client gets them that asks for nothing: no retries, no watched health."""
    # Or channels to one address would share a connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    target = balancer.url.removeprefix("http://")
    async with AsyncExitStack() as opened:
        stubs: list[Any] = [
            GRPCInferenceServiceStub(
                await opened.enter_async_context(grpc.aio.insecure_channel(target, options=options))
            )
            for _ in range(CONNECTIONS)
        ]

        async def ask(number: int, text: str) -> dict[str, Any]:
            asked = message(request(tensor([text])), "left")
            answer = await stubs[number % CONNECTIONS].ModelInfer(asked, timeout=30)
            result: dict[str, Any] = json.loads(answer.outputs[0].contents.bytes_contents[0])
            return result

        yield ask


@dataclass(frozen=True)
class Leaving:
    """What one SIGTERM did, in seconds."""

    unready: float
    """From the signal to the first answer that says so."""
    gone: float
    """From the last answer, or the end of the delay, to the end of the process."""


async def leave(server: Runtime) -> Leaving:
    """Stop a server that has two seconds of work in flight over each transport."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client, Rpc(server) as rpc:
        by_rest = asyncio.create_task(rest(client, f"sleep:{LONG} by REST"))
        by_grpc = asyncio.create_task(rpc.infer(f"sleep:{LONG} by gRPC"))
        await until_in_flight(server, 2)
        children = psutil.Process(server.process.pid).children(recursive=True)
        async with httpx.AsyncClient(base_url=server.url) as probe:
            begun = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            while (await probe.get("/v2/health/ready")).status_code == 200:
                await asyncio.sleep(0.005)
            unready = time.monotonic() - begun
        code = asyncio.create_task(asyncio.to_thread(server.exit_code, 60))
        assert (await by_rest).status_code == 200
        assert await by_grpc is grpc.StatusCode.OK
        last = max(time.monotonic(), begun + DRAIN_DELAY)
        assert await code == 0, server.log
    gone = time.monotonic() - last
    assert not [child for child in children if child.is_running()]
    assert not unexpected(server.log)
    assert gone < 2 + SLACK, server.log
    return Leaving(unready, gone)


async def leave_and_return(launch: Launch, times: int) -> tuple[list[Leaving], list[Load]]:
    """Two instances under load behind a balancer; each in turn leaves, and comes back."""

    def start(like: Runtime | None = None) -> Runtime:
        environment = {"CHORUS_DRAIN_DELAY": str(DRAIN_DELAY)}
        ports = like.ports if like else None
        server = launch(FAULTY, "--models", "left", ports=ports, environment=environment)
        return server.wait_until_ready("left")

    servers = list(await asyncio.gather(*(asyncio.to_thread(start) for _ in range(2))))
    ready = [f"{server.url}/v2/health/ready" for server in servers]
    http = [server.ports.http for server in servers]
    rpc = [server.ports.grpc for server in servers]
    stopped = asyncio.Event()
    leavings = []
    async with (
        Balancer(http, dict(zip(http, ready, strict=True))) as rest_balancer,
        Balancer(rpc, dict(zip(rpc, ready, strict=True))) as grpc_balancer,
        over_rest(rest_balancer) as ask_rest,
        over_grpc(grpc_balancer) as ask_grpc,
    ):
        for port in http:
            await rest_balancer.until(port, ready=True)
        for port in rpc:
            await grpc_balancer.until(port, ready=True)
        loads = [Load(ask_rest), Load(ask_grpc)]
        running = [asyncio.create_task(load.run(stopped)) for load in loads]
        await asyncio.sleep(1)
        for number in range(times):
            leavings.append(await leave(servers[number % 2]))
            if number + 1 < times:
                servers[number % 2] = await asyncio.to_thread(start, servers[number % 2])
                await rest_balancer.until(http[number % 2], ready=True)
                await grpc_balancer.until(rpc[number % 2], ready=True)
        await asyncio.sleep(0.5)
        stopped.set()
        await asyncio.gather(*running)
        assert min(rest_balancer.connections.values()) > 0
        assert min(grpc_balancer.connections.values()) > 0
    return leavings, loads


def check(leavings: list[Leaving], loads: list[Load]) -> None:
    for load in loads:
        assert load.failed == Counter()
        assert load.answered > PER_SECOND
    assert max(leaving.unready for leaving in leavings) < 0.1 + SLACK


async def test_t27_an_instance_leaves_and_no_request_fails(launch: Launch) -> None:
    check(*await leave_and_return(launch, 1))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_t27_twenty_leave_and_no_request_fails(launch: Launch) -> None:
    leavings, loads = await leave_and_return(launch, 20)
    unready = sorted(1e3 * leaving.unready for leaving in leavings)
    gone = sorted(leaving.gone for leaving in leavings)
    print(  # noqa: T201
        f"answered {[load.answered for load in loads]}, failed {[load.failed for load in loads]}; "
        f"unready after {unready[10]:.0f} ms, at most {unready[-1]:.0f} ms; "
        f"gone {gone[10]:.2f} s after the last answer, at most {gone[-1]:.2f} s"
    )
    check(leavings, loads)
