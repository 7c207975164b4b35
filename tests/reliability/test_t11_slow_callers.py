"""T11: who sends or reads too slowly is hung up on, in time, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat
from statistics import quantiles

import aiohttp
import pytest
from tests.conftest import Launch, Runtime
from tests.live.protocol import request, rest_path, tensor
from tests.reliability.conftest import FAULTY
from tests.reliability.gateways import gateway_before

HEAD_SECONDS = 1.0
BODY_SECONDS = 2.0
SLACK_SECONDS = 8.0
"""What a busy machine may be late by."""
MODEL = ("left", "right", "process")
POST = f"POST {rest_path('left')} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
BODY = json.dumps(request(tensor(["hello"]))).encode()
MANY = json.dumps(request(tensor(["hello"] * 4096))).encode()


def whole(body: bytes) -> bytes:
    return POST.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


async def closed_after(port: int, first: bytes, byte: bytes, pause: float) -> float:
    """Say something, then a byte again and again; seconds until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    end = asyncio.ensure_future(until_closed(reader))
    try:
        writer.write(first)
        for _ in repeat(None):
            await asyncio.wait({end}, timeout=pause)
            if end.done():
                return time.monotonic() - started
            writer.write(byte)
    finally:
        writer.close()
    raise AssertionError


async def until_closed(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass


async def cut_after(port: int, requests: int) -> float:
    """Ask for more than anybody holds, and read none of it; seconds until the server hangs up."""
    loop = asyncio.get_running_loop()
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.setblocking(False)
        await loop.sock_connect(caller, ("127.0.0.1", port))
        started = time.monotonic()
        try:
            for _ in repeat(None, requests):
                await loop.sock_sendall(caller, whole(MANY))
            while True:  # until the server's reset arrives
                await loop.sock_sendall(caller, b"\r\n")
                await asyncio.sleep(0.1)
        except ConnectionError:
            return time.monotonic() - started


SLOW: dict[str, Callable[[int], Awaitable[float]]] = {
    "silent": lambda port: closed_after(port, b"", b"", 1),
    "half a head": lambda port: closed_after(port, POST.encode(), b"", 1),
    "a head byte by byte": lambda port: closed_after(port, POST.encode() + b"x: ", b"a", 0.3),
    "half a body": lambda port: closed_after(port, whole(BODY)[:-1], b"", 1),
    "a body byte by byte": lambda port: closed_after(
        port, POST.encode() + b"content-length: 1000\r\n\r\n", b" ", 0.3
    ),
    "a body chunk by chunk": lambda port: closed_after(
        port, POST.encode() + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.3
    ),
}


def limit(name: str, head: float, body: float) -> float:
    return head if "head" in name or name == "silent" else body


async def latencies(url: str, path: str, body: bytes, stop: asyncio.Event) -> list[float]:
    """What an honest caller waits, request after request."""
    taken = []
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        while not stop.is_set():
            started = time.perf_counter()
            async with session.post(path, data=body) as response:
                assert response.status == 200, await response.text()
            taken.append(time.perf_counter() - started)
            await asyncio.sleep(0.005)
    return taken


@pytest.fixture(scope="module")
def strict(launch: Launch) -> Iterator[Runtime]:
    """A server that waits for nobody long."""
    times = {"HEAD_TIMEOUT": HEAD_SECONDS, "BODY_TIMEOUT": BODY_SECONDS}
    environment = {f"CHORUS_{name}": str(seconds) for name, seconds in times.items()}
    server = launch(FAULTY, environment=environment).wait_until_ready(*MODEL)
    yield server
    assert server.terminate() == 0, server.log


async def test_t11_two_hundred_slow_callers_are_hung_up_on(strict: Runtime) -> None:
    port, stop = strict.ports.http, asyncio.Event()
    honest = asyncio.create_task(latencies(strict.url, rest_path("left"), BODY, stop))
    names = [name for name in SLOW for _ in range(200 // len(SLOW))]
    seconds = await asyncio.gather(*(SLOW[name](port) for name in names))
    stop.set()
    assert len(await honest) > 10, "somebody was answered all along"
    for name, taken in zip(names, seconds, strict=True):
        assert taken < limit(name, HEAD_SECONDS, BODY_SECONDS) + SLACK_SECONDS, name


async def test_t11_who_does_not_read_is_hung_up_on(strict: Runtime) -> None:
    assert await cut_after(strict.ports.http, requests=30) < BODY_SECONDS * 2 + SLACK_SECONDS * 2


async def test_t11_who_is_slow_within_the_time_is_answered(strict: Runtime) -> None:
    said = whole(BODY)
    reader, writer = await asyncio.open_connection("127.0.0.1", strict.ports.http)
    for start in range(0, len(said), 60):
        writer.write(said[start : start + 60])
        await asyncio.sleep(0.05)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["model server", "gateway"])
async def test_t11_by_default(kind: str, launch: Launch, faulty: Runtime) -> None:
    """10 s for a head, 30 s for a body, and the others' p95 below twice what it was."""
    server, path, body = faulty, rest_path("left"), BODY
    if kind == "gateway":
        server = await asyncio.to_thread(gateway_before, launch, faulty, "process")
        path, body = "/process", b'"hello"'
    quiet, stop = asyncio.Event(), asyncio.Event()
    alone = asyncio.create_task(latencies(server.url, path, body, quiet))
    await asyncio.sleep(10)
    quiet.set()
    before = quantiles(await alone, n=20)[-1]
    honest = asyncio.create_task(latencies(server.url, path, body, stop))
    names = [name for name in SLOW for _ in range(200 // len(SLOW))]
    seconds = await asyncio.gather(*(SLOW[name](server.ports.http) for name in names))
    stop.set()
    during = quantiles(await honest, n=20)[-1]
    for name in SLOW:
        worst = max(s for n, s in zip(names, seconds, strict=True) if n == name)
        print(f"{name}: {worst:.1f} s")  # noqa: T201
        assert worst < limit(name, 10, 30) + 1
    print(f"p95 {before * 1000:.1f} ms alone, {during * 1000:.1f} ms beside them")  # noqa: T201
