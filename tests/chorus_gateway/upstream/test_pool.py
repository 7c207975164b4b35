"""Several model servers behind one gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import aiohttp
import httpx
import pytest
from tests.conftest import free_port

from chorus_gateway.errors import UpstreamTimeout, UpstreamUnavailable
from chorus_gateway.upstream import pool
from chorus_gateway.upstream.pool import Pool
from chorus_gateway.upstream.transport import Reply

from ..conftest import FakeServer, FakeTransport, Gateway
from .servers import READY, own_server, pool_of

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
    servers = [own_server(f"s{n}", one, 1, is_open=True) for n, one in enumerate(transports)]
    both = pool_of(*servers)
    await both.open()
    await until(lambda: all_up(both))
    yield both
    await both.close()


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.005)


def all_up(both: Pool) -> bool:
    return all(not server.breaker.is_open for server in both._servers)


async def infer(both: Pool) -> Reply:
    return await both.request("POST", INFER, BODY, 5.0)


def calls(transports: list[FakeTransport]) -> list[int]:
    return [transport.count("/infer") for transport in transports]


def cut() -> UpstreamUnavailable:
    """A connection that ended before a byte of the answer, as the real transport raises it."""
    error = UpstreamUnavailable("cut")
    error.__cause__ = aiohttp.ServerDisconnectedError()
    return error


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
    transports[0].infer = lambda _: raise_(cut())
    transports[0].ready = Reply(503, b"")
    assert [(await infer(both)).status for _ in range(5)] == [200] * 5
    assert calls(transports) == [1, 5]
    transports[0].infer = transports[0].answer
    transports[0].ready = Reply(200, b"")
    await until(lambda: all_up(both))
    assert (await infer(both)).status == 200
    assert calls(transports) == [2, 5]


@pytest.mark.parametrize("error", [UpstreamTimeout("slow"), UpstreamUnavailable("cut half way")])
async def test_a_call_that_may_still_run_is_not_sent_again(
    both: Pool, transports: list[FakeTransport], error: UpstreamUnavailable
) -> None:
    transports[0].infer = lambda _: raise_(error)
    with pytest.raises(type(error)):
        await infer(both)
    assert calls(transports) == [1, 0]


async def test_a_single_server_may_try_once_more(transports: list[FakeTransport]) -> None:
    transport = transports[0]
    alone = pool_of(own_server("s", transport, failures=4))
    answers = iter([raise_(cut()), transport.answer([])])
    transport.infer = lambda _: next(answers)
    assert (await infer(alone)).status == 200
    transport.infer = lambda _: raise_(cut())
    for expected in (4, 6):
        with pytest.raises(UpstreamUnavailable):
            await infer(alone)
        assert transport.count("/infer") == expected
    assert not alone.is_up
    with pytest.raises(UpstreamUnavailable) as caught:
        await infer(alone)
    assert caught.value.retry_after
    assert transport.count("/infer") == 6, "it is let be"


@pytest.mark.parametrize(("status", "serves"), [(200, True), (404, True), (503, False)])
async def test_a_single_server_is_back_when_it_answers(
    transports: list[FakeTransport], monkeypatch: pytest.MonkeyPatch, status: int, serves: bool
) -> None:
    """It may know nothing of the model that the probe asks for, and serve others."""
    monkeypatch.setattr(pool, "PROBE_SECONDS", 0.01)
    transports[0].ready = Reply(status, b"")
    alone = pool_of(own_server("s", transports[0], failures=1))
    alone.choose().breaker.open()
    await alone.open()
    await until(lambda: transports[0].count("/ready") > 2 or alone.is_up)
    assert alone.is_up == serves
    await alone.close()


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
        transport.infer = lambda _: raise_(cut())
        transport.ready = Reply(503, b"")
    for _ in range(3):
        with pytest.raises(UpstreamUnavailable):
            await infer(both)
    assert calls(transports) == [1, 1]


async def test_one_that_is_ready_is_enough(both: Pool, transports: list[FakeTransport]) -> None:
    transports[0].ready = Reply(400, b"")
    assert (await both.request("GET", READY, None, 1.0)).status == 200
    transports[1].ready = Reply(404, b"")
    assert (await both.request("GET", READY, None, 1.0)).status in (400, 404)


async def test_nothing_is_asked_of_servers_that_are_gone(transports: list[FakeTransport]) -> None:
    unopened = pool_of(*(own_server("s", one, is_open=True) for one in transports))
    assert not unopened.is_up
    for method, path in (("GET", READY), ("POST", INFER)):
        with pytest.raises(UpstreamUnavailable):
            await unopened.request(method, path, BODY, 1.0)
    assert not any(transport.requests for transport in transports)


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
