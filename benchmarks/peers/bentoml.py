"""BentoML: one service, adaptive batching."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Self

import orjson

from benchmarks.answers import Answers
from benchmarks.peers.base import Launch, Peer, Post, all_cores, five_answers
from benchmarks.peers.environment import Environment
from benchmarks.peers.scripted import SERVERS


class BentoML(Peer):
    """`bentoml serve`; each call carries a list of one text, which its server makes longer."""

    name = "bentoml"
    environment = Environment("bentoml")

    def __init__(
        self, weights: dict[str, Path], device: str, threads: int, max_batch: int, workers: int
    ) -> None:
        self.weights = weights
        self.device = device
        self.threads = threads
        self.max_batch = max_batch
        self.workers = workers
        self.setting = f"max-batch {max_batch}, workers {workers}, threads {threads}"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """Its default of 100 and what 10 or 64 callers fill; one or all cores per process."""
        settings = [(1, 100, 1), (1, 64, 1), (1, 10, 1)]
        if device == "cpu" and all_cores() > 1:
            settings = [(all_cores(), 100, 1), *settings, (1, 100, all_cores())]
        return [cls(weights, device, *setting) for setting in settings]

    def prepare(self) -> None:
        """Its own virtual environment."""
        self.environment.prepare()

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """`bentoml serve` on the service in servers/; what it writes goes to `folder`."""
        port = free_port()
        arguments = {
            "models": json.dumps({key: str(weights) for key, weights in self.weights.items()}),
            "device": self.device,
            "workers": self.workers,
            "max_batch": self.max_batch,
        }
        command = [self.environment.command("bentoml"), "serve", "bentoml_service:FiveClassifiers"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--working-dir", str(SERVERS)]
        for name, value in arguments.items():
            command += ["--arg", f"{name}={value}"]
        variables = {
            "OMP_NUM_THREADS": str(self.threads),
            "BENTOML_HOME": str(folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        return Launch(command, folder, variables, port)

    def ready_paths(self) -> list[str]:
        """BentoML's own; a process listens once its models are loaded."""
        return ["/readyz"]

    def posts(self, text: str) -> list[Post]:
        """A list of one text."""
        return [Post("/process", orjson.dumps({"texts": [text]}))]

    def read(self, part: int, body: bytes) -> Answers:
        """All five answers."""
        (reply,) = orjson.loads(body)
        return five_answers(reply)
