"""Peers whose server is a script in servers/, run in an environment of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from benchmarks.peers.base import Launch, ProcessPeer
from benchmarks.peers.environment import Environment

SERVERS = Path(__file__).with_name("servers")


class ScriptedPeer(ProcessPeer):
    """A setting is the script's own command-line options and the number of torch threads."""

    environment: ClassVar[Environment]
    script: ClassVar[str]
    variables: ClassVar[dict[str, str]] = {}

    def __init__(
        self, weights: dict[str, Path], device: str, threads: int, **options: str | float
    ) -> None:
        self.weights = weights
        self.device = device
        self.threads = threads
        self.options = {name.replace("_", "-"): str(value) for name, value in options.items()}
        named = [f"{name} {value}" for name, value in self.options.items()]
        self.setting = ", ".join([*named, f"threads {threads}"])

    def prepare(self) -> None:
        """Its own virtual environment."""
        self.environment.prepare()

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """The script, with its options and the five folders of weights."""
        port = free_port()
        command = [self.environment.command("python"), str(SERVERS / self.script)]
        command += ["--port", str(port), "--device", self.device]
        for name, value in self.options.items():
            command += [f"--{name}", value]
        command += [f"{key}={weights}" for key, weights in self.weights.items()]
        variables = {"OMP_NUM_THREADS": str(self.threads), **self.variables}
        return Launch(command, folder, variables, port)

    def ready_paths(self) -> list[str]:
        """What every script answers once all its processes have loaded all models."""
        return ["/ready"]
