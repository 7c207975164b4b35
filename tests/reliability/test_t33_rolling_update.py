"""Each instance in turn is stopped and started again, under load, and no request fails.

Callers use no connection that has been idle for as long as an instance drains: within that time
each of its connections either carries an answer, which says that it closes, or is let go. Over
HTTP/1.1 nothing else keeps a request from meeting the end of its connection on the way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from tests.conftest import Launch, Ports, Runtime
from tests.reliability.balancer import Balancer
from tests.stack.conftest import FLAGS, ROOT, free_ports

CLIENTS = 12
READY_SECONDS = 90
DRAIN_SECONDS = 3.0


@dataclass
class Calls:
    """An open loop of callers with kept-alive connections, who try once and never again."""

    url: str
    path: str
    body: Callable[[int], Any]
    check: Callable[[int, Any], None]
    per_second: int
    idle: float
    """Seconds after which a connection is not used any more."""
    seconds: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    _stop: bool = False

    @property
    def sent(self) -> int:
        return len(self.seconds) + self.failed.total()

    async def run(self) -> None:
        """Send at an even pace, answered or not, until `stop`; then wait for the last answer."""
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as opened, asyncio.TaskGroup() as group:
            sessions = [await opened.enter_async_context(self._session()) for _ in range(CLIENTS)]
            began, number = loop.time(), 0
            while not self._stop:
                group.create_task(self._call(sessions[number % CLIENTS], number))
                number += 1
                await asyncio.sleep(max(0.0, began + number / self.per_second - loop.time()))

    def stop(self) -> None:
        self._stop = True

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=self.idle)
        timeout = aiohttp.ClientTimeout(total=30)
        return aiohttp.ClientSession(self.url, connector=connector, timeout=timeout)

    async def _call(self, session: aiohttp.ClientSession, number: int) -> None:
        began = asyncio.get_running_loop().time()
        try:
            async with session.post(self.path, json=self.body(number)) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failed[f"{type(error).__name__}: {error}"] += 1
            return
        if response.status != 200:
            self.failed[f"{response.status} {answer}"] += 1
            return
        self.check(number, answer)
        self.seconds.append(asyncio.get_running_loop().time() - began)

    def summary(self) -> str:
        ordered = sorted(self.seconds)
        p50, p99 = (1e3 * ordered[int(len(ordered) * part)] for part in (0.5, 0.99))
        slowest = 1e3 * ordered[-1]
        return (
            f"{self.sent} sent, {self.failed.total()} failed; "
            f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {slowest:.0f} ms"
        )


async def all_ready(balancer: Balancer) -> None:
    async with asyncio.timeout(READY_SECONDS):
        for port in balancer.connections:
            await balancer.until(port, ready=True)


# ------------------------------------------------------------------- gateways, quickly


def text_of(number: int) -> str:
    return f"text {number}"


def slow_text_of(number: int) -> str:
    """So that some are in flight at any time."""
    return f"text {number} sleep:0.05"


def assert_process(number: int, answer: Any) -> None:
    from chorus_faulty import score_of

    label, score = score_of(slow_text_of(number))
    for model in ("left", "right"):
        assert answer[model] == {"label": label, "score": pytest.approx(score, abs=1e-6)}


async def test_t33_gateways_are_replaced_and_no_request_fails(
    launch: Launch, faulty: Runtime
) -> None:
    def start(ports: Ports) -> Runtime:
        environment = {
            "CHORUS_PORT": str(ports.http),
            "CHORUS_UPSTREAM": faulty.url,
            "CHORUS_MODELS": "process",
            "CHORUS_WORKERS": "1",
            "CHORUS_DRAIN_DELAY": "1",
        }
        return launch(ports=ports, command=["chorus_gateway"], environment=environment)

    gateways = [start(Ports()) for _ in range(2)]
    async with Balancer([gateway.ports.http for gateway in gateways]) as balancer:
        await all_ready(balancer)
        calls = Calls(
            balancer.url, "/process", slow_text_of, assert_process, per_second=40, idle=0.4
        )
        running = asyncio.create_task(calls.run())
        for gateway in gateways:
            await asyncio.sleep(0.5)
            assert await asyncio.to_thread(gateway.terminate) == 0, gateway.log
            start(gateway.ports)
            await all_ready(balancer)
        await asyncio.sleep(0.5)
        calls.stop()
        await running
    assert calls.failed == Counter()
    assert calls.sent > 100
    assert min(balancer.connections.values()) > 1


# -------------------------------------------------------------- whole instances, for long


class Instance:
    """`chorus serve`, again and again on the same ports."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.ports = free_ports(4)
        self._log = folder / f"{self.ports[0]}.log"
        self._argv = ["-m", "chorus", "serve", *options]
        for flag, port in zip(FLAGS, self.ports, strict=True):
            self._argv += [flag, str(port)]

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def start(self) -> Self:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CHORUS_")}
        environment["CHORUS_DRAIN_DELAY"] = str(DRAIN_SECONDS)
        with self._log.open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._argv, stdout=log, stderr=log, cwd=ROOT, env=environment
            )
        return self

    async def stop(self) -> int:
        """As an orchestrator does; the exit code."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 60)


def assert_labelled(number: int, answer: Any) -> None:
    ((best,),) = (answer,) if isinstance(answer[0], dict) else (answer[0][:1],)
    assert set(best) == {"label", "score"}


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_t33_rolling_update_of_three_instances_fails_no_request(tmp_path: Path) -> None:
    instances = [Instance(tmp_path, "--models", "svalabs") for _ in range(3)]
    try:
        for instance in instances:
            await instance.start()
        async with Balancer([instance.ports[0] for instance in instances]) as balancer:
            await all_ready(balancer)
            calls = Calls(
                balancer.url,
                "/models/svalabs",
                lambda number: {"inputs": text_of(number)},
                assert_labelled,
                per_second=100,
                idle=DRAIN_SECONDS / 2,
            )
            running = asyncio.create_task(calls.run())
            for instance in instances:
                await asyncio.sleep(2)
                assert await instance.stop() == 0, instance.log
                await instance.start()
                await all_ready(balancer)
            while calls.sent < 6000:
                await asyncio.sleep(0.1)
            calls.stop()
            await running
    finally:
        codes = await asyncio.gather(*(instance.stop() for instance in instances))
    print(f"{calls.summary()}; connections {balancer.connections}")  # noqa: T201
    assert calls.failed == Counter()
    assert codes == [0, 0, 0]
