"""Starts, stops and deaths of the whole stack, mostly of models that are loaded at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psutil
import pytest
from tests.conftest import unexpected

from .conftest import WEIGHTLESS, Stack

JSON = {"Content-Type": "application/json"}


def post(stack: Stack, text: str = "hello") -> httpx.Response:
    return httpx.post(f"{stack.url}/process", content=json.dumps(text), headers=JSON, timeout=30)


def child(stack: Stack, module: str) -> psutil.Process:
    for process in psutil.Process(stack.process.pid).children():
        if module in process.cmdline():
            return process
    raise AssertionError(f"no child runs {module}")


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
async def test_t27_sigterm_under_load_answers_all_that_was_sent(
    tmp_path: Path, workers: str
) -> None:
    """Callers go on until a reply tells them to close or the port is closed; no request is lost."""
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS, "--workers", workers)
    stack.wait_until_ready()
    answered, broken = 0, []

    async def caller(session: aiohttp.ClientSession) -> None:
        nonlocal answered
        told_to_close = False
        while not told_to_close:
            try:
                async with session.post(
                    f"{stack.url}/process", data='"hello"', headers=JSON
                ) as reply:
                    body = await reply.json()
                    told_to_close = reply.headers.get("connection") == "close"
            except aiohttp.ClientConnectorError:
                return
            except (aiohttp.ClientError, OSError) as error:
                broken.append((0, repr(error)))
                return
            if reply.status == 200 and body.keys() == {"left", "right"}:
                answered += 1
            else:
                broken.append((reply.status, body))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        callers = [asyncio.create_task(caller(session)) for _ in range(16)]
        while answered < 200:
            await asyncio.sleep(0.01)
        stack.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*callers), 40)
    assert await asyncio.to_thread(stack.process.wait, 40) == 0
    assert broken == []


def test_t28_ctrl_c_during_the_start_stops_cleanly(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log")
    while "models ready" not in stack.log.read_text():
        assert stack.process.poll() is None
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(30) == 0


def test_t29_a_killed_model_server_comes_back(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS)
    stack.wait_until_announced()
    assert post(stack).status_code == 200
    os.kill(child(stack, "mlserver_chorus.server").pid, signal.SIGKILL)
    reply = post(stack)
    assert reply.status_code == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert list(reply.json()) == ["error"]
    stack.wait_until_unready()
    stack.wait_until_ready()
    assert post(stack).status_code == 200
    assert "runtime was killed by SIGKILL" in stack.log.read_text()
    assert stack.stop() == 0


@pytest.mark.slow
async def test_two_workers_are_one_gateway_whoever_dies(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS, "--workers", "2")
    await asyncio.to_thread(stack.wait_until_announced)
    gateway = child(stack, "chorus_gateway")
    workers = gateway.children()
    assert len(workers) == 2
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await ask_at_once(stack, session, 40)
        for worker in workers:
            assert any(one.laddr.port == stack.ports[0] for one in established(worker))
        await until_counted(stack, 40)

    workers[0].kill()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await ask_at_once(stack, session, 40)
    await until_counted(stack, 80)

    workers = gateway.children()
    gateway.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 30)
    assert not alive
    await asyncio.to_thread(stack.wait_until_ready)
    assert "gateway was killed by SIGKILL" in stack.log.read_text()
    assert (await asyncio.to_thread(post, stack)).status_code == 200
    assert await asyncio.to_thread(stack.stop) == 0


async def ask_at_once(stack: Stack, session: aiohttp.ClientSession, callers: int) -> None:
    async def ask() -> int:
        async with session.post(f"{stack.url}/process", data='"hello"', headers=JSON) as reply:
            await reply.read()
            return reply.status

    assert set(await asyncio.gather(*(ask() for _ in range(callers)))) == {200}


def established(process: psutil.Process) -> list[Any]:
    return [one for one in process.net_connections() if one.status == psutil.CONN_ESTABLISHED]


async def until_counted(stack: Stack, answers: int) -> None:
    """Wait until whichever worker is asked counts the answers of all."""
    line = f'chorus_gateway_requests_total{{method="POST",route="/process",status="200"}} {answers}'
    deadline = time.monotonic() + 20
    while not all([line in await asyncio.to_thread(metrics, stack) for _ in range(8)]):
        assert time.monotonic() < deadline, metrics(stack)
        await asyncio.sleep(0.1)


def metrics(stack: Stack) -> str:
    return httpx.get(f"{stack.url}/metrics").text


def test_a_choice_of_models(tmp_path: Path) -> None:
    """Without the ensemble the gateway is ready, and says what /process lacks."""
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS, "--models", "left,right")
    stack.wait_until_ready()
    assert httpx.get(f"{stack.url}/readyz").json()["models"] == {"left": True, "right": True}
    assert httpx.get(f"{stack.v2}/models/process").status_code == 404
    reply = post(stack)
    assert reply.status_code == 404
    assert "process" in reply.json()["error"]
    assert stack.stop() == 0


@pytest.mark.slow
def test_weights_that_are_missing_end_the_start(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log", "--weights", str(tmp_path), "--models", "svalabs")
    assert stack.process.wait(60) == 1
    last = stack.log.read_text().strip().splitlines()[-1]
    assert last.startswith("chorus: ")
    assert "svalabs" in last
    assert not unexpected(stack.log.read_text())


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS, "--workers", "2")
    stack.wait_until_ready()
    children = psutil.Process(stack.process.pid).children(recursive=True)
    assert len(children) == 4  # the model server, the gateway and its workers
    stack.process.kill()  # the supervisor has no chance to stop them
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    assert len(gone) == 4
