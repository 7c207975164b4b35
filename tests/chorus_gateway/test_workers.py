"""A gateway of two processes, from outside: one port, one sum of metrics, one life."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import unexpected

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeServer, Gateway

Start = Callable[..., "Gateway"]
Callers = Callable[["Gateway"], aiohttp.ClientSession]

CALLERS = 40  # the chance that the kernel sends all of them to one worker is 1 in 2**39


def workers(gateway: Gateway) -> list[psutil.Process]:
    return psutil.Process(gateway.process.pid).children()


async def live(gateway: Gateway) -> Gateway:
    return await asyncio.to_thread(gateway.wait_until_live)


async def ended(gateway: Gateway) -> tuple[int, str]:
    """The exit code and what was said, once no worker holds the pipe any more."""
    _, stderr = await asyncio.to_thread(gateway.process.communicate, None, 20)
    return gateway.process.returncode, stderr


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def ask(session: aiohttp.ClientSession) -> int:
    async with session.post("/process", json="a") as response:
        await response.read()
        return response.status


async def metric(gateway: Gateway, name: str, **labels: str) -> float:
    """What whichever worker answers says; each call is a new connection."""
    async with aiohttp.ClientSession(gateway.url) as session, session.get("/metrics") as response:
        page = await response.text()
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == f"chorus_gateway_{name}" and labels.items() <= sample.labels.items()
    )


async def until_metric(gateway: Gateway, value: float, name: str, **labels: str) -> None:
    """Wait for what both workers then agree upon: ten askers see the same."""
    deadline = time.monotonic() + 20
    while (seen := {await metric(gateway, name, **labels) for _ in range(10)}) != {value}:
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.05)


async def until_answers(gateway: Gateway, count: int) -> None:
    """Wait for the count, which goes up just after an answer has left."""
    await until_metric(gateway, count, "requests_total", route="/process", status="200")


@pytest.fixture
async def callers() -> AsyncIterator[Callers]:
    """Open sessions that make as many connections as there are requests."""
    opened: list[aiohttp.ClientSession] = []

    def to(gateway: Gateway) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0)
        opened.append(aiohttp.ClientSession(gateway.url, connector=connector))
        return opened[-1]

    yield to
    for session in opened:
        await session.close()


async def everybody_waits(
    gateway: Gateway, upstream: FakeServer, session: aiohttp.ClientSession
) -> list[asyncio.Task[int]]:
    """Callers that both workers have heard and nobody answers before the gate is opened."""
    upstream.gate.clear()
    asked = [asyncio.create_task(ask(session)) for _ in range(CALLERS)]
    deadline = time.monotonic() + 20
    while await metric(gateway, "waiting_texts") + sum(map(len, upstream.calls)) < CALLERS:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    return asked


@pytest.fixture
async def pair(start_gateway: Start, upstream: FakeServer) -> Gateway:
    """A gateway of two workers before a model server that answers at once."""
    return await live(start_gateway(CHORUS_WORKERS="2", CHORUS_DRAIN_DELAY="0.6"))


async def test_one_worker_is_the_gateway_itself(start_gateway: Start) -> None:
    assert workers(await live(start_gateway(CHORUS_WORKERS="1"))) == []


async def test_both_answer_and_count_together(pair: Gateway, callers: Callers) -> None:
    session = callers(pair)
    for _ in range(2):
        assert set(await asyncio.gather(*(ask(session) for _ in range(CALLERS)))) == {200}
    assert len(workers(pair)) == 2
    for worker in workers(pair):
        assert any(
            connection.laddr.port == pair.port
            for connection in worker.net_connections()
            if connection.status == psutil.CONN_ESTABLISHED
        )
    await until_answers(pair, 2 * CALLERS)
    assert await metric(pair, "coalesced_texts_sum") == 2 * CALLERS


async def test_what_waits_is_summed_and_forgotten_with_its_worker(
    start_gateway: Start, upstream: FakeServer, callers: Callers
) -> None:
    gateway = await live(start_gateway(CHORUS_WORKERS="2", CHORUS_MAX_TEXTS_PER_CALL="1"))
    held = await everybody_waits(gateway, upstream, callers(gateway))
    await until_metric(gateway, 4, "calls_in_flight")
    await until_metric(gateway, CALLERS - 4, "waiting_texts")
    await until_metric(gateway, CALLERS, "in_flight", model="process")
    workers(gateway)[0].kill()
    await until_metric(gateway, 2, "calls_in_flight")
    upstream.gate.set()
    await asyncio.gather(*held, return_exceptions=True)


async def test_a_killed_worker_is_replaced_and_nobody_who_comes_is_refused(
    pair: Gateway, callers: Callers
) -> None:
    assert set(await asyncio.gather(*(ask(callers(pair)) for _ in range(CALLERS)))) == {200}
    await until_answers(pair, CALLERS)
    victim, survivor = workers(pair)
    victim.kill()
    assert set(await asyncio.gather(*(ask(callers(pair)) for _ in range(CALLERS)))) == {200}
    await until(lambda: len(workers(pair)) == 2)
    assert survivor in workers(pair)
    assert victim not in workers(pair)
    await until_answers(pair, 2 * CALLERS)
    pair.process.terminate()
    code, stderr = await ended(pair)
    assert code == 0
    assert f"WARNING chorus_gateway worker {victim.pid} was killed by SIGKILL" in stderr


@pytest.mark.parametrize("to_the_group", [False, True], ids=["parent", "group"])
async def test_sigterm_under_load_fails_nobody(
    pair: Gateway, upstream: FakeServer, callers: Callers, to_the_group: bool
) -> None:
    """Docker signals the parent, systemd everybody."""
    upstream.delay = 0.05
    statuses: list[int] = []

    async def ask_until_told_to_leave(session: aiohttp.ClientSession) -> None:
        told = False
        while not told:
            async with session.post("/process", json="a") as response:
                statuses.append(response.status)
                told = response.headers.get("connection") == "close"

    session, children = callers(pair), workers(pair)
    asking = [asyncio.create_task(ask_until_told_to_leave(session)) for _ in range(CALLERS)]
    await until(lambda: len(statuses) >= 2 * CALLERS)
    if to_the_group:
        for child in children:
            child.terminate()
        await asyncio.sleep(0.1)  # the parent's signal is then their second
    pair.process.terminate()
    await asyncio.gather(*asking)
    assert set(statuses) == {200}
    assert (await ended(pair))[0] == 0
    assert not any(child.is_running() for child in children)


async def test_whoever_is_in_flight_is_answered_after_the_port_is_closed(
    start_gateway: Start, upstream: FakeServer, callers: Callers
) -> None:
    gateway = await live(start_gateway(CHORUS_WORKERS="2", CHORUS_DRAIN_DELAY="0"))
    held = await everybody_waits(gateway, upstream, callers(gateway))
    gateway.process.terminate()
    await until_closed(gateway)
    upstream.gate.set()
    assert set(await asyncio.gather(*held)) == {200}
    assert (await ended(gateway))[0] == 0


async def until_closed(gateway: Gateway) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.02)
    raise AssertionError("the port is still open")


async def test_interrupt_of_the_whole_group_ends_it_without_delay_or_trace(
    start_gateway: Start, tmp_path: Path
) -> None:
    (folder := tmp_path / "temporary").mkdir()
    gateway = await live(
        start_gateway(CHORUS_WORKERS="2", CHORUS_DRAIN_DELAY="300", TMPDIR=str(folder))
    )
    async with asyncio.timeout(20):
        while not list(folder.glob("*/counter_*.db")):  # a request is counted when it has ended
            await asyncio.sleep(0.02)
    for process in [*workers(gateway), psutil.Process(gateway.process.pid)]:
        process.send_signal(signal.SIGINT)
    code, stderr = await ended(gateway)
    assert code == 0
    assert not unexpected(stderr)
    assert list(folder.iterdir()) == []


async def test_a_second_signal_kills(start_gateway: Start) -> None:
    gateway = await live(start_gateway(CHORUS_WORKERS="2", CHORUS_DRAIN_DELAY="300"))
    children = workers(gateway)
    gateway.process.terminate()
    await until_unready(gateway)
    gateway.process.terminate()
    assert (await ended(gateway))[0] == 128 + signal.SIGTERM
    assert not any(child.is_running() for child in children)


async def until_unready(gateway: Gateway) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        async with aiohttp.ClientSession(gateway.url) as session, session.get("/readyz") as reply:
            if reply.status == 503:
                return
        await asyncio.sleep(0.02)
    raise AssertionError("still ready")


async def test_without_their_parent_workers_free_the_port_answer_and_go(
    start_gateway: Start, upstream: FakeServer, callers: Callers
) -> None:
    gateway = await live(start_gateway(CHORUS_WORKERS="2", CHORUS_DRAIN_DELAY="300"))
    children = workers(gateway)
    held = await everybody_waits(gateway, upstream, callers(gateway))
    gateway.process.kill()
    await until_closed(gateway)
    upstream.gate.set()
    assert set(await asyncio.gather(*held)) == {200}
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 20)
    assert not alive


async def test_a_second_gateway_is_refused_the_port(pair: Gateway, start_gateway: Start) -> None:
    code, stderr = await ended(start_gateway(CHORUS_WORKERS="2", CHORUS_PORT=str(pair.port)))
    assert code == 1
    assert stderr.startswith(f"chorus: port {pair.port} is taken")
    assert stderr.count("\n") == 1
