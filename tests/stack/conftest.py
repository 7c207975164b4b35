"""`chorus serve` as a user starts it: real MLServer, real gateway, the weights that ship."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.conftest import FAULTY, free_port

ROOT = Path(__file__).parents[2]
FLAGS = ("--port", "--v2-port", "--grpc-port", "--metrics-port")
WEIGHTLESS = ("--models-dir", str(FAULTY))
"""For tests of starts, stops and deaths: models that are loaded at once."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all different."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


@dataclass
class Stack:
    """A running `chorus serve`."""

    process: subprocess.Popen[str]
    ports: list[int]
    log: Path
    options: tuple[str, ...] = field(default=())

    @classmethod
    def start(cls, log: Path, *options: str, **variables: str) -> Stack:
        ports = free_ports(4)
        argv = [sys.executable, "-m", "chorus", "serve", *options]
        for flag, port in zip(FLAGS, ports, strict=True):
            argv += [flag, str(port)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CHORUS_")}
        with log.open("w") as out:
            process = subprocess.Popen(
                argv, stdout=out, stderr=out, cwd=ROOT, env=environment | variables, text=True
            )
        return cls(process, ports, log, options)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def v2(self) -> str:
        return f"http://127.0.0.1:{self.ports[1]}/v2"

    def wait_until_announced(self, seconds: float = 100) -> None:
        """Wait for the summary: from then on a server that dies is started again."""
        deadline = time.monotonic() + seconds
        while "curl -s" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def wait_until_ready(self, seconds: float = 100) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.1)
        pytest.fail(f"not ready after {seconds} s:\n{self.log.read_text()}")

    def wait_until_unready(self, seconds: float = 5) -> None:
        """Wait for the gateway to notice; its answer may be a fraction of a second old."""
        deadline = time.monotonic() + seconds
        while httpx.get(f"{self.url}/readyz", timeout=5).status_code != 503:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All six models on their stand-ins; shared by every test that only asks."""
    stack = Stack.start(tmp_path_factory.mktemp("stack") / "serve.log")
    try:
        stack.wait_until_ready()
        yield stack
    finally:
        code = stack.stop()
    assert code == 0, stack.log.read_text()
