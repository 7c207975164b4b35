"""A real MLServer with the plugin, in a process of its own, for every test that wants one."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.distribution import SHARING, LoadSharing

# Before torch, for us and our servers: a thread that waits for the others of its product sleeps.
# A run has more threads than cores, and who spins may spin until the one it waits for has its turn.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

MODELS = Path(__file__).parents[1] / "models"
FAULTY = Path(__file__).parent / "reliability" / "faulty"
"""`left`, `right` and their ensemble `process`: without weights, so that they start soonest."""
START_SECONDS = 90.0
"""Deadline for a start; torch alone takes many seconds on a busy machine."""


# Below those that the kernel gives to outgoing connections: until a server takes its port, nobody
# else is likely to.
PORTS = range(10240, 32768)


def free_port() -> int:
    """A port that nobody listens on now."""
    while True:
        port = random.choice(PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass(frozen=True)
class Ports:
    """Where one server listens."""

    http: int = field(default_factory=free_port)
    grpc: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)

    def arguments(self) -> list[str]:
        return [
            *("--host", "127.0.0.1", "--http-port", str(self.http)),
            *("--grpc-port", str(self.grpc), "--metrics-port", str(self.metrics)),
        ]

    def environment(self) -> dict[str, str]:
        """The same for a server that takes no arguments."""
        return {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": str(self.http),
            "MLSERVER_GRPC_PORT": str(self.grpc),
            "MLSERVER_METRICS_PORT": str(self.metrics),
        }


class Runtime:
    """One server process; what it prints is kept in files and shown when a test fails."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        ports: Ports,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.ports = ports
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        with self._stdout.open("w") as out, self._stderr.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=folder,
                env=_environment() | (environment or {}),
                stdout=out,
                stderr=err,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports.http}"

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self.ports.grpc}"

    @property
    def stdout(self) -> str:
        return self._stdout.read_text()

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    @property
    def log(self) -> str:
        return f"{self.stdout}\n{self.stderr}"

    def wait_until_ready(self, *models: str) -> Runtime:
        """Return once every one of the models is ready; the test fails at the deadline."""
        waiting = list(models)
        give_up = time.monotonic() + START_SECONDS
        while waiting and time.monotonic() < give_up and self.process.poll() is None:
            if self._ready(waiting[0]):
                waiting.pop(0)
            else:
                time.sleep(0.05)
        if waiting:
            # Without a traceback: each test of a session would repeat it.
            pytest.fail(f"{waiting[0]} did not become ready:\n{self.log[-1000:]}", pytrace=False)
        return self

    def _ready(self, model: str) -> bool:
        try:
            return httpx.get(f"{self.url}/v2/models/{model}/ready").is_success
        except httpx.TransportError:
            return False

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        page = httpx.get(f"http://127.0.0.1:{self.ports.metrics}/metrics").text
        (value,) = [line.split()[1] for line in page.splitlines() if line.startswith(f"{name} ")]
        return float(value)

    def exit_code(self, seconds: float = START_SECONDS) -> int:
        """The exit code, once the process has ended by itself."""
        return self.process.wait(seconds)

    def terminate(self) -> int:
        """Ask it to stop, as an orchestrator does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.exit_code(60)

    def end(self) -> None:
        """Clean up after a test, whatever has happened."""
        self.process.kill()
        self.process.wait()


Launch = Callable[..., Runtime]


def unexpected(log: str) -> list[str]:
    """What a log says of exceptions that nobody has thought of."""
    return [line for line in log.splitlines() if "Traceback" in line or " exception=" in line]


def served_models(root: Path = MODELS) -> list[str]:
    return sorted(path.parent.name for path in root.glob("*/model-settings.json"))


def checkpoint(model: str) -> Path:
    """The folder with the weights that the server runs a model on."""
    weights = os.environ.get("CHORUS_WEIGHTS", "standin")
    return MODELS / model / "standin" if weights == "standin" else Path(weights) / model


def _environment() -> dict[str, str]:
    """Ours, without what would change the server; which weights it serves may be chosen."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "CHORUS_WEIGHTS" or not name.startswith(("CHORUS_", "MLSERVER_"))
    }
    return kept | {"HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Otherwise every `httpx.get` reads all authorities anew, which is nearly all that it costs."""
    with pytest.MonkeyPatch.context() as patch:
        shared = functools.cache(httpx.create_ssl_context)
        patch.setattr("httpx._transports.default.create_ssl_context", shared)
        yield


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Start servers: `launch(root, "--models", "cardiffnlp")`, or any module by `command`."""
    started: list[Runtime] = []

    def start(
        root: Path = MODELS,
        *arguments: str,
        ports: Ports | None = None,
        command: Sequence[str] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Runtime:
        ports = ports or Ports()
        own = ["mlserver_chorus.server", str(root), *ports.arguments(), *arguments]
        folder = tmp_path_factory.mktemp("server")
        started.append(Runtime(folder, command or own, ports, environment))
        return started[-1]

    yield start
    for runtime in started:
        runtime.end()


@pytest.fixture(scope="session")
def runtime(launch: Launch) -> Iterator[Runtime]:
    """All models directly in the folder behind one server, shared by the whole session."""
    models = served_models()
    server = launch(MODELS, "--models", ",".join(models)).wait_until_ready(*models)
    yield server
    assert server.terminate() == 0, server.log


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays: nobody looks through it for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadSharing | None:
    """Where a file goes to one process, so do all the files that share a server."""
    return LoadSharing(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole services first: they take longest, and the processes of a run end together."""
    items.sort(key=lambda item: not any(map(item.nodeid.startswith, SHARING)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the log of the servers that a failed test has used."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Runtime):
                report.sections.append(("the server's log, its end", value.log[-8000:]))
    return report
