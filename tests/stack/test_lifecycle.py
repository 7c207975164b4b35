"""Starts, stops and deaths of the whole stack."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import aiohttp
import httpx
import psutil

from .conftest import Stack

JSON = {"Content-Type": "application/json"}
SMALL = ("--models", "cardiffnlp,ivanlau")


def post(stack: Stack, text: str = "hello") -> httpx.Response:
    return httpx.post(f"{stack.url}/process", content=json.dumps(text), headers=JSON, timeout=30)


def child(stack: Stack, module: str) -> psutil.Process:
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        if module in process.cmdline():
            return process
    raise AssertionError(f"no child runs {module}")


async def test_sigterm_under_load_answers_all_that_was_sent(tmp_path: Path) -> None:
    """Callers go on until a reply tells them to close or the port is closed; no request is lost."""
    stack = Stack.start(tmp_path / "log")
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
            if reply.status == 200 and len(body) == 5:
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


def test_ctrl_c_during_the_start_stops_cleanly(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log")
    while "models ready" not in stack.log.read_text():
        assert stack.process.poll() is None
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(30) == 0


def test_a_killed_model_server_comes_back(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log")
    stack.wait_until_announced()
    assert post(stack).status_code == 200
    os.kill(child(stack, "mlserver_chorus.server").pid, signal.SIGKILL)
    reply = post(stack)
    assert reply.status_code == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert list(reply.json()) == ["error"]
    assert httpx.get(f"{stack.url}/readyz").status_code == 503
    stack.wait_until_ready()
    assert post(stack).status_code == 200
    assert "runtime was killed by SIGKILL" in stack.log.read_text()
    assert stack.stop() == 0


def test_a_choice_of_models(tmp_path: Path) -> None:
    """Without the ensemble the gateway is ready, and says what /process lacks."""
    stack = Stack.start(tmp_path / "log", *SMALL)
    stack.wait_until_ready()
    assert httpx.get(f"{stack.url}/readyz").json()["models"] == {
        "cardiffnlp": True,
        "ivanlau": True,
    }
    assert httpx.get(f"{stack.v2}/models/svalabs").status_code == 404
    reply = post(stack)
    assert reply.status_code == 404
    assert "process" in reply.json()["error"]
    assert stack.stop() == 0


def test_weights_that_are_missing_end_the_start(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log", "--weights", str(tmp_path), "--models", "svalabs")
    assert stack.process.wait(60) == 1
    last = stack.log.read_text().strip().splitlines()[-1]
    assert last.startswith("chorus: ")
    assert "svalabs" in last
    assert "Traceback" not in stack.log.read_text()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log", *SMALL)
    stack.wait_until_ready()
    children = psutil.Process(stack.process.pid).children(recursive=True)
    assert len(children) == 2
    stack.process.kill()  # the supervisor has no chance to stop them
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    assert len(gone) == 2
