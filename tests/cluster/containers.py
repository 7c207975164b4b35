"""Real containers, by podman and buildah with storage and settings of their own.

What they keep lies in `.peers/containers`, never in the storage of whoever runs the tests: images
are made there once, and again where what they are made of has changed. The base is a small Debian
with Python, put together from packages: no registry is asked.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
from supply_chain import images
from tests.cluster import pip_settings, storage

FOLDER = images.ROOT / ".peers" / "containers"
BASE = "localhost/python:3.11-slim"
_PYTHON = '--customize-hook=ln -s python3 "$1/usr/bin/python"'
START_SECONDS = 180.0
"""Deadline for a server in a container; a busy machine takes minutes to import torch."""


@dataclass
class Engine:
    """podman and buildah, and what has been started with them."""

    folder: Path = FOLDER
    _started: list[Container] = field(default_factory=list)

    @cached_property
    def environment(self) -> dict[str, str]:
        """For every program that is to work on this storage."""
        return storage.prepared(self.folder)

    def podman(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman to its end; the error of one that fails shows what it has said."""
        done = subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"podman {' '.join(arguments)}: {_said(done.stderr)}")
        return done

    def image(self, target: str) -> str:
        """The image of a target of the Dockerfile, built where it is not there as it is now."""
        name = f"localhost/{images.name(target)}"
        with self._alone():
            self.debian(BASE, "python3,python3-venv,ca-certificates", _PYTHON)
            with pip_settings.for_a_build(self.folder / "build") as options:
                code = images.build(
                    images.ENGINES["buildah"],
                    target,
                    name,
                    ["--pull-never", *options],
                    self.environment,
                )
        assert code == 0, f"{target} cannot be built"
        return name

    def run(self, image: str, *command: str, options: Sequence[str] = ()) -> Container:
        """Start a container, which lives until `close` if nothing ends it before."""
        done = self.podman("run", "--detach", *options, image, *command)
        container = Container(self, done.stdout.strip())
        self._started.append(container)
        return container

    def once(
        self, image: str, *command: str, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of its own to its end, without a network."""
        return self.podman("run", "--rm", "--network=none", *options, image, *command, check=False)

    def close(self) -> None:
        """Remove every container that was started, and what builds have left for days."""
        # The last one first: it may share the network of one before it.
        for container in reversed(self._started):
            container.remove()
        self.podman("image", "prune", "--force", "--filter=until=72h", check=False)

    def debian(self, name: str, packages: str, *hooks: str) -> None:
        """Have an image of these of Debian's packages, and what they need, under this name."""
        if self.podman("image", "exists", name, check=False).returncode == 0:
            return
        archive = self.folder / "build" / "debian.tar"
        what = ("--variant=minbase", f"--include={packages}", *hooks)
        subprocess.run(["mmdebstrap", "--quiet", *what, "bookworm", str(archive)], check=True)
        self.podman("import", "--quiet", str(archive), name)
        archive.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One build at a time, of all test runs on this machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True)
class Container:
    """One that was started."""

    engine: Engine
    id: str

    @property
    def log(self) -> str:
        """All that its program has printed."""
        done = self.engine.podman("logs", self.id, check=False)
        return done.stdout + _said(done.stderr)

    @property
    def is_running(self) -> bool:
        """Whether its program has not ended."""
        return bool(self._inspect("State", "Running"))

    @property
    def pid(self) -> int:
        """Its first process, as this machine knows it."""
        pid = self._inspect("State", "Pid")
        assert isinstance(pid, int)
        return pid

    def address(self, port: int) -> str:
        """Where a published port is on this machine: host:port."""
        return self.engine.podman("port", self.id, f"{port}/tcp").stdout.split()[0]

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, to its end."""
        return self.engine.podman("exec", self.id, *command, check=False)

    def wait_until(self, holds: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Return once it holds; fails, with the log, at the deadline or when the program ends."""
        try:
            wait_until(holds, seconds, while_=lambda: self.is_running)
        except TimeoutError as error:
            raise AssertionError(f"container {self.id[:12]}:\n{self.log[-4000:]}") from error

    def wait_for(self, url: str, seconds: float = START_SECONDS) -> None:
        """Return once a GET of the URL succeeds."""
        self.wait_until(lambda: succeeds(url), seconds)

    def terminate(self, seconds: int = 60) -> int:
        """Send SIGTERM, as an orchestrator does, and SIGKILL after so many; the exit code."""
        self.engine.podman("stop", f"--time={seconds}", self.id)
        return int(self.engine.podman("wait", self.id).stdout)

    def remove(self) -> None:
        """End it, whatever it does, and leave nothing of it."""
        self.engine.podman("rm", "--force", "--time=0", "--volumes", self.id, check=False)

    def _inspect(self, *path: str) -> object:
        value = json.loads(self.engine.podman("container", "inspect", self.id).stdout)[0]
        for name in path:
            value = value[name]
        return value


def wait_until(
    holds: Callable[[], bool], seconds: float, while_: Callable[[], bool] = lambda: True
) -> None:
    """Return once it holds. Raises TimeoutError at the deadline, or when it no longer can."""
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up or not while_():
            raise TimeoutError
        time.sleep(0.2)


def succeeds(url: str) -> bool:
    """Whether a GET is answered with a success now."""
    try:
        return httpx.get(url, trust_env=False, timeout=5).is_success
    except httpx.TransportError:
        return False


def _said(stderr: str) -> str:
    """What podman says, but for its complaint that there is no systemd to ask for health."""
    return "\n".join(line for line in stderr.splitlines() if "systemd" not in line)
