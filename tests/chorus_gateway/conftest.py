"""A model server to plug in (`transport`), one to talk to (`upstream`), and real gateways."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from aiohttp import web
from fastapi import FastAPI
from tests.conftest import free_port

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings
from chorus_gateway.upstream.transport import Reply

KEYS = ("cardiffnlp", "ivanlau", "svalabs", "EIStakovskii", "jy46604790")


def answers_for(texts: Sequence[str]) -> dict[str, Any]:
    """The V2 reply of an ensemble whose labels quote the text, so that a mix-up shows."""
    outputs: list[dict[str, Any]] = []
    for number, key in enumerate(KEYS):
        labels = [f"{key}:{text}" for text in texts]
        scores = [0.5 + number / 100 for _ in texts]
        shape = [len(texts)]
        outputs += [
            {"name": f"{key}.label", "datatype": "BYTES", "shape": shape, "data": labels},
            {"name": f"{key}.score", "datatype": "FP32", "shape": shape, "data": scores},
        ]
    return {"model_name": "process", "outputs": outputs}


class FakeTransport:
    """A model server in memory; tests replace `infer` or set what the other requests answer."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes | None]] = []
        self.infer: Callable[[list[str]], Awaitable[Reply]] = self.answer
        self.ready = Reply(200, b"{}")
        self.metadata: Reply | Exception = Reply(200, b'{"parameters": {"weights": "standin"}}')

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def request(self, method: str, path: str, body: bytes | None, timeout: float) -> Reply:
        self.requests.append((method, path, body))
        if path.endswith("/infer"):
            assert body is not None
            return await self.infer(orjson.loads(body)["inputs"][0]["data"])
        if path.endswith("/ready"):
            return self.ready
        if isinstance(self.metadata, Exception):
            raise self.metadata
        return self.metadata

    @staticmethod
    async def answer(texts: list[str]) -> Reply:
        return Reply(200, orjson.dumps(answers_for(texts)))

    def count(self, ending: str) -> int:
        return sum(path.endswith(ending) for _, path, _ in self.requests)


class FakeServer:
    """A model server behind a socket; `reply` overrides what it answers to inference."""

    def __init__(self) -> None:
        self.reply: Callable[[], web.StreamResponse] | None = None
        self.delay = 0.0
        self.gate = asyncio.Event()  # while it is clear, nobody is answered
        self.gate.set()
        self.calls: list[list[str]] = []

    async def infer(self, request: web.Request) -> web.StreamResponse:
        texts = orjson.loads(await request.read())["inputs"][0]["data"]
        self.calls.append(texts)
        await asyncio.sleep(self.delay)
        await self.gate.wait()
        return self.reply() if self.reply else web.json_response(answers_for(texts))

    async def run(self, port: int) -> AsyncIterator[FakeServer]:
        async def ready(_: web.Request) -> web.Response:
            return web.json_response({"ready": True})

        async def metadata(_: web.Request) -> web.Response:
            return web.json_response({"parameters": {"weights": "folder"}})

        app = web.Application()
        app.router.add_post("/v2/models/{model}/infer", self.infer)
        app.router.add_get("/v2/models/{model}/ready", ready)
        app.router.add_get("/v2/models/{model}", metadata)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield self
        await runner.cleanup()


class Gateway:
    """A gateway in a process of its own."""

    def __init__(self, folder: Path, upstream_port: int, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chorus_gateway"],
            cwd=folder,
            env=clean_environment()
            | {"CHORUS_PORT": str(self.port), "CHORUS_V2_PORT": str(upstream_port)}
            | {"CHORUS_WORKERS": "1"}
            | environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_live(self) -> Gateway:
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                httpx.get(f"{self.url}/healthz")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return self
        raise AssertionError("the gateway did not start")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def app(transport: FakeTransport) -> FastAPI:
    return create_app(Settings(max_body_bytes=1000), transport)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    in_process = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=in_process, base_url="http://gateway") as client:
        yield client


@pytest.fixture(scope="module")
def upstream_port() -> int:
    return free_port()


@pytest.fixture
async def upstream(upstream_port: int) -> AsyncIterator[FakeServer]:
    async for server in FakeServer().run(upstream_port):
        yield server


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream_port: int) -> Iterator[Gateway]:
    """One gateway for all tests of a module that leave it as it was."""
    one = Gateway(tmp_path_factory.mktemp("gateway"), upstream_port, CHORUS_MAX_BODY_BYTES="100000")
    yield one.wait_until_live()
    one.end()


@pytest.fixture
def start_gateway(tmp_path: Path, upstream_port: int) -> Iterator[Callable[..., Gateway]]:
    """Start gateways with settings of their own; arguments are environment variables."""
    started: list[Gateway] = []

    def start(**environment: str) -> Gateway:
        started.append(Gateway(tmp_path, upstream_port, **environment))
        return started[-1]

    yield start
    for one in started:
        one.end()
