"""One process of the model server per device: `chorus serve --device cpu,cpu`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from .conftest import WEIGHTLESS, Stack

JSON = {"Content-Type": "application/json"}
COMEBACK_S = 60  # a model server loads for some seconds, more on a busy machine


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS, "--device", "cpu,cpu")
    try:
        stack.wait_until_announced()
        yield stack
    finally:
        stack.process.kill()


async def test_two_processes_share_the_work_and_one_may_die(stack: Stack) -> None:
    first, second = servers(stack)
    everyone = psutil.Process(stack.process.pid).children(recursive=True)
    ports = [metrics_port(server) for server in (first, second)]
    load = Load(stack)
    callers = [asyncio.create_task(load.call_until_told()) for _ in range(8)]

    await until(lambda: all(texts_answered(port) > 0 for port in ports))
    second.kill()
    await asyncio.to_thread(second.wait, 10)
    answered = load.answered
    await until(lambda: load.answered > answered + 100)
    await until(lambda: "runtime-2 is ready again" in stack.log.read_text())
    await until(lambda: texts_answered(ports[1]) > 0)
    everyone += psutil.Process(stack.process.pid).children(recursive=True)

    load.enough = True
    await asyncio.gather(*callers)
    assert load.failed == []
    assert servers(stack)[0] == first
    assert "runtime was killed" not in stack.log.read_text()
    assert await asyncio.to_thread(stack.stop) == 0
    assert not any(one.is_running() for one in everyone)


class Load:
    """Callers that go on asking, and what they were told."""

    def __init__(self, stack: Stack) -> None:
        self.answered = 0
        self.failed: list[object] = []
        self.enough = False
        self._url = f"{stack.url}/process"

    async def call_until_told(self) -> None:
        async with aiohttp.ClientSession() as session:
            while not self.enough:
                try:
                    async with session.post(self._url, data='"hello"', headers=JSON) as reply:
                        body = await reply.json()
                except (aiohttp.ClientError, OSError) as error:
                    self.failed.append(error)
                    return
                if reply.status == 200 and body.keys() == {"left", "right"}:
                    self.answered += 1
                else:
                    self.failed.append((reply.status, body))


def servers(stack: Stack) -> list[psutil.Process]:
    """The model server's processes, the one on the port of V2 first."""
    children = psutil.Process(stack.process.pid).children()
    found = [one for one in children if "mlserver_chorus.server" in one.cmdline()]
    assert len(found) == 2
    return sorted(found, key=lambda one: str(stack.ports[1]) not in one.cmdline())


def metrics_port(server: psutil.Process) -> int:
    argv = server.cmdline()
    return int(argv[argv.index("--metrics-port") + 1])


def texts_answered(port: int) -> float:
    """How many texts a process has put into batches, by its own count."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == "chorus_engine_batch_rows_sum":
                return sample.value
    return 0.0


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + COMEBACK_S
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
