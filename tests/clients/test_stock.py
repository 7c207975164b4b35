"""Our gateway in front of the unmodified mlserver-huggingface: the answers of our own runtime."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from benchmarks.peers.environment import Environment
from tests.clients import files
from tests.clients.comparing import assert_same
from tests.clients.stock_models import TASKS, write_models
from tests.stack.conftest import Stack, free_ports

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(1200)]

START_SECONDS = 300.0
"""TensorFlow is imported for every model, on a busy machine."""

REQUESTS: dict[str, dict[str, Any]] = {
    "text-classification": {"inputs": "I like you"},
    "zero-shot-classification": {
        "inputs": "A pet",
        "parameters": {"candidate_labels": ["cat", "rain", "house"], "multi_label": True},
    },
    "token-classification": {"inputs": "My name is Sarah", "parameters": {"ignore_labels": []}},
    "text-generation": {
        "inputs": "Hello",
        "parameters": {"max_new_tokens": 6, "do_sample": False},
    },
    "object-detection": {
        "inputs": files.text(files.png()),
        "parameters": {"threshold": 0.0},
    },
}


@dataclass
class Served:
    """A process that answers HTTP, with its log."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, path: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}{path}", timeout=5).status_code == 200:
                    return
            time.sleep(0.2)
        pytest.fail(f"{path} is not ready:\n{self.log.read_text()[-3000:]}", pytrace=False)


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path, **environment: str) -> Iterator[Served]:
    log = folder / "log"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CHORUS_", "MLSERVER_"))}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=folder, env=kept | environment
        )
    try:
        yield Served(f"http://127.0.0.1:{port}", process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def stock(tasks: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The unmodified server, on the stand-ins that `tasks` has made."""
    environment = Environment("stock")
    environment.prepare()
    folder = tmp_path_factory.mktemp("stock")
    write_models(folder / "models")
    http, grpc, metrics = free_ports(3)
    command = [environment.command("mlserver"), "start", str(folder / "models")]
    ports = {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": str(http),
        "MLSERVER_GRPC_PORT": str(grpc),
        "MLSERVER_METRICS_PORT": str(metrics),
        "MLSERVER_PARALLEL_WORKERS": "0",
        "HF_HUB_OFFLINE": "1",
    }
    with running(command, http, folder, **ports) as server:
        for task in TASKS:
            server.wait_until(f"/v2/models/{task}/ready")
        yield server


@pytest.fixture(scope="module")
def gateway(stock: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Our gateway, alone, with that server as its upstream."""
    (port,) = free_ports(1)
    settings = {
        "CHORUS_PORT": str(port),
        "CHORUS_UPSTREAM": stock.url,
        "CHORUS_MODELS": ",".join(TASKS),
    }
    command = [sys.executable, "-m", "chorus_gateway"]
    with running(command, port, tmp_path_factory.mktemp("gateway"), **settings) as server:
        server.wait_until("/readyz")
        yield server


def ask(url: str, task: str, **changes: Any) -> Any:
    body = {"hf_pipeline": task, "model_deployed_url": task, **REQUESTS[task], **changes}
    reply = httpx.post(f"{url}/predict", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize("task", TASKS)
def test_one_input(gateway: Served, tasks: Stack, task: str) -> None:
    assert_same(ask(gateway.url, task), ask(tasks.url, task))


@pytest.mark.parametrize("task", TASKS)
def test_several_inputs(gateway: Served, tasks: Stack, task: str) -> None:
    inputs = [REQUESTS[task]["inputs"], REQUESTS[task]["inputs"]]
    assert_same(ask(gateway.url, task, inputs=inputs), ask(tasks.url, task, inputs=inputs))


@pytest.mark.parametrize("top_k", [1, 2, None])
def test_any_number_of_labels(gateway: Served, tasks: Stack, top_k: int | None) -> None:
    task, parameters = "text-classification", {"top_k": top_k}
    found = ask(gateway.url, task, parameters=parameters)
    assert_same(found, ask(tasks.url, task, parameters=parameters))


def by_name(_: Served, task: str) -> str:
    return task


def by_infer_url(stock: Served, task: str) -> str:
    return f"{stock.url}/v2/models/{task}/infer"


@pytest.mark.parametrize("form", [by_name, by_infer_url])
def test_the_model_by_name_and_by_url(
    gateway: Served, stock: Served, form: Callable[[Served, str], str]
) -> None:
    task = "zero-shot-classification"
    (answer,) = ask(gateway.url, task, model_deployed_url=form(stock, task))
    assert sorted(answer["labels"]) == ["cat", "house", "rain"]
