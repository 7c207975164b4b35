"""Several model servers behind one gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from chorus_gateway.errors import UpstreamTimeout, UpstreamUnavailable
from chorus_gateway.upstream import pool
from chorus_gateway.upstream.pool import Pool, Server
from chorus_gateway.upstream.transport import Reply

from ..conftest import FakeServer, FakeTransport, Gateway, free_port

PROBE = "/v2/models/process/ready"
INFER = "/v2/models/process/infer"
BODY = b'{"inputs": [{"data": ["text"]}]}'


@pytest.fixture
def transports() -> list[FakeTransport]:
    return [FakeTransport(), FakeTransport()]


@pytest.fixture
async def both(
    transports: list[FakeTransport], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pool]:
    monkeypatch.setattr(pool, "PROBE_SECONDS", 0.01)
    servers = [Server(f"s{n}", transport) for n, transport in enumerate(transports)]
    both = Pool(servers, PROBE, 1.0)
    await both.open()
    await until(lambda: all(server.is_up for server in servers))
    yield both
    await both.close()


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.005)


async def infer(both: Pool) -> Reply:
    return await both.request("POST", INFER, BODY, 5.0)


def calls(transports: list[FakeTransport]) -> list[int]:
    return [transport.count("/infer") for transport in transports]


async def raise_(error: Exception) -> Reply:
    raise error


async def test_calls_go_to_the_least_busy(both: Pool, transports: list[FakeTransport]) -> None:
    gate = asyncio.Event()

    async def slow(texts: list[str]) -> Reply:
        await gate.wait()
        return await FakeTransport.answer(texts)

    for transport in transports:
        transport.infer = slow
    running = [asyncio.create_task(infer(both)) for _ in range(6)]
    await until(lambda: calls(transports) == [3, 3])
    gate.set()
    assert [(await call).status for call in running] == [200] * 6


async def test_a_server_that_is_gone_costs_no_call(
    both: Pool, transports: list[FakeTransport]
) -> None:
    transports[0].infer = lambda _: raise_(UpstreamUnavailable("connection refused"))
    transports[0].ready = Reply(503, b"")
    assert [(await infer(both)).status for _ in range(5)] == [200] * 5
    assert calls(transports) == [1, 5]
    transports[0].infer = transports[0].answer
    transports[0].ready = Reply(200, b"")
    await until(lambda: all(server.is_up for server in both._servers))
    assert (await infer(both)).status == 200
    assert calls(transports) == [2, 5]


async def test_a_call_that_may_still_run_is_not_sent_again(
    both: Pool, transports: list[FakeTransport]
) -> None:
    transports[0].infer = lambda _: raise_(UpstreamTimeout("too slow"))
    with pytest.raises(UpstreamTimeout):
        await infer(both)
    assert calls(transports) == [1, 0]


async def test_a_busy_server_passes_its_call_on_once(
    both: Pool, transports: list[FakeTransport]
) -> None:
    async def busy(_: list[str]) -> Reply:
        return Reply(503, b"", "7")

    transports[0].infer = busy
    assert (await infer(both)).status == 200
    transports[1].infer = busy
    assert await infer(both) == Reply(503, b"", "7")
    assert calls(transports) == [2, 2]


async def test_an_error_of_the_input_stays_where_it_is(
    both: Pool, transports: list[FakeTransport]
) -> None:
    async def refuse(_: list[str]) -> Reply:
        return Reply(400, b'{"error": "no"}')

    transports[0].infer = refuse
    assert (await infer(both)).status == 400
    assert calls(transports) == [1, 0]


async def test_without_any_server_the_answer_comes_at_once(
    both: Pool, transports: list[FakeTransport]
) -> None:
    for transport in transports:
        transport.infer = lambda _: raise_(UpstreamUnavailable("reset"))
        transport.ready = Reply(503, b"")
    for _ in range(3):
        with pytest.raises(UpstreamUnavailable):
            await infer(both)
    assert calls(transports) == [1, 1]


async def test_one_that_is_ready_is_enough(both: Pool, transports: list[FakeTransport]) -> None:
    transports[0].ready = Reply(400, b"")
    assert (await both.request("GET", PROBE, None, 1.0)).status == 200
    transports[1].ready = Reply(404, b"")
    assert (await both.request("GET", PROBE, None, 1.0)).status in (400, 404)


async def test_who_is_told_ready_may_call_at_once(transports: list[FakeTransport]) -> None:
    """The answer to a probe counts, whoever asked: here before the pool has looked by itself."""
    servers = [Server(f"s{n}", transport) for n, transport in enumerate(transports)]
    unopened = Pool(servers, PROBE, 1.0)
    with pytest.raises(UpstreamUnavailable):
        await infer(unopened)
    assert (await unopened.request("GET", PROBE, None, 1.0)).status == 200
    assert (await infer(unopened)).status == 200


async def test_a_gateway_loses_nothing_when_a_server_dies(tmp_path: Path) -> None:
    """Real sockets: one of two model servers goes away under load and comes back."""
    ports = [free_port(), free_port()]
    urls = ",".join(f"http://127.0.0.1:{port}" for port in ports)
    first, second = FakeServer(), FakeServer()
    gateway = Gateway(tmp_path, ports[0], CHORUS_UPSTREAM=urls)
    statuses: list[int] = []

    async def ask(client: httpx.AsyncClient) -> None:
        while not stop.is_set():
            statuses.append((await client.post("/process", json="text")).status_code)

    stop = asyncio.Event()
    try:
        async with aclosing(second.run(ports[1])) as running:  # type: ignore[type-var]
            await anext(running)
            leaving = first.run(ports[0])
            await anext(leaving)
            await asyncio.to_thread(gateway.wait_until_live)
            async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)
                askers = [asyncio.create_task(ask(client)) for _ in range(8)]
                await until(lambda: bool(first.calls and second.calls))
                await anext(leaving, None)
                before = len(statuses)
                await until(lambda: len(statuses) > before + 50)
                again = FakeServer()
                async with aclosing(again.run(ports[0])) as back:  # type: ignore[type-var]
                    await anext(back)
                    await until(lambda: bool(again.calls))
                    stop.set()
                    await asyncio.gather(*askers)
    finally:
        gateway.end()
    assert set(statuses) == {200}
