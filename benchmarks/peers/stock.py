"""Stock MLServer 1.7.1 with mlserver-huggingface 1.7.1: five V2 calls per text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import orjson

from benchmarks.answers import KEYS, Answers, Result, common_label, result
from benchmarks.peers.base import Launch, Peer, Post, all_cores
from benchmarks.peers.environment import Environment
from benchmarks.weights import for_transformers_4


class Batching(NamedTuple):
    """What an operator can tune: batches of each model (size 0: none), worker processes."""

    max_batch_size: int
    max_batch_time: float
    parallel_workers: int = 0

    def __str__(self) -> str:
        batch = f"{self.max_batch_size}/{self.max_batch_time:g}" if self.max_batch_size else "off"
        workers = f", workers {self.parallel_workers}" if self.parallel_workers else ""
        return f"batch {batch}{workers}"


class Stock(Peer):
    """The unmodified server, as fast as its own settings make it."""

    name = "stock"
    environment = Environment("stock")

    def __init__(
        self, weights: dict[str, Path], device: str, threads: int, batching: Batching
    ) -> None:
        self.weights = weights
        self.device = device
        self.threads = threads
        self.batching = batching
        self.setting = f"{batching}, threads {threads}"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """No batching first; torch threads: one is best for small models, all for large ones."""
        settings = [
            (1, Batching(0, 0)),
            (1, Batching(32, 0.01)),
            (1, Batching(64, 0.05)),
            (1, Batching(64, 0.05, parallel_workers=1)),
        ]
        if device == "cpu" and all_cores() > 1:
            settings += [(all_cores(), Batching(0, 0)), (all_cores(), Batching(32, 0.01))]
        return [cls(weights, device, threads, batching) for threads, batching in settings]

    def prepare(self) -> None:
        """Its own virtual environment."""
        self.environment.prepare()

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """A folder of settings and converted weights; `mlserver start` in it."""
        port = free_port()
        server = {
            "host": "127.0.0.1",
            "http_port": port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
            "parallel_workers": self.batching.parallel_workers,
            "debug": False,
            "gzip_enabled": False,
        }
        (folder / "settings.json").write_text(json.dumps(server))
        for key in KEYS:
            for_transformers_4(self.weights[key], folder / key / "weights")
            model = {
                "name": key,
                "implementation": "mlserver_huggingface.HuggingFaceRuntime",
                "max_batch_size": self.batching.max_batch_size,
                "max_batch_time": self.batching.max_batch_time,
                "parameters": {
                    "extra": {
                        "task": "text-classification",
                        "pretrained_model": str(folder / key / "weights"),
                        "framework": "pt",
                        "device": 0 if self.device == "cuda" else -1,
                    }
                },
            }
            (folder / key / "model-settings.json").write_text(json.dumps(model))
        command = [self.environment.command("mlserver"), "start", str(folder)]
        return Launch(command, folder, {"OMP_NUM_THREADS": str(self.threads)}, port)

    def ready_paths(self) -> list[str]:
        """Each model's own: the server's is 200 with no model loaded."""
        return [f"/v2/models/{key}/ready" for key in KEYS]

    def posts(self, text: str) -> list[Post]:
        """One V2 call per model; `array_inputs` is the form that survives batching."""
        tensor = {"name": "array_inputs", "shape": [1], "datatype": "BYTES", "data": [text]}
        body = orjson.dumps({"inputs": [tensor]})
        return [Post(f"/v2/models/{key}/infer", body) for key in KEYS]

    def read(self, part: int, body: bytes) -> Answers:
        """One model's answer, its label spelled as `/process` spells it."""
        (element,) = orjson.loads(body)["outputs"][0]["data"]
        label, score = result(orjson.loads(element))
        return {KEYS[part]: Result(common_label(KEYS[part], label), score)}
