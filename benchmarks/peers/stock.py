"""Stock MLServer 1.7.1 with mlserver-huggingface 1.7.1: five V2 calls per text."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks.answers import KEYS, Answers, Result, common_label, result
from benchmarks.peers.base import ENVIRONMENTS, Launch, Peer, Post
from benchmarks.weights import for_transformers_4

REQUIREMENTS = Path(__file__).with_name("stock-requirements.txt")
ENVIRONMENT = ENVIRONMENTS / "stock"


class Setting(NamedTuple):
    """What an operator can tune: batching of each model (size 0: off), worker processes."""

    max_batch_size: int
    max_batch_time: float
    parallel_workers: int = 0

    def __str__(self) -> str:
        batch = f"{self.max_batch_size}/{self.max_batch_time:g}" if self.max_batch_size else "off"
        workers = f", workers {self.parallel_workers}" if self.parallel_workers else ""
        return f"batch {batch}{workers}"


# Swept before the comparison; the fastest stands for the peer.
SWEEP = (
    Setting(0, 0),
    Setting(32, 0.005),
    Setting(32, 0.01),
    Setting(64, 0.02),
    Setting(64, 0.05),
    Setting(64, 0.05, parallel_workers=1),
)


class Stock(Peer):
    """The unmodified server, as fast as its own settings make it."""

    name = "stock mlserver"

    def __init__(self, weights: dict[str, Path], setting: Setting, threads: int = 1) -> None:
        self.weights = weights
        self.settings = setting
        self.setting = str(setting)
        # One thread is the fastest for small models: the forward runs on the event loop.
        self.threads = threads

    def prepare(self) -> None:
        """Its own virtual environment, made again when the requirements change."""
        stamp = ENVIRONMENT / ".installed"
        wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        if sys.version_info[:2] not in ((3, 11), (3, 12)):
            raise RuntimeError("the stock server's pins need Python 3.11 or 3.12")
        lines = REQUIREMENTS.read_text().splitlines()
        torch = next(line for line in lines if line.startswith("torch=="))
        pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        steps = (
            ("virtual environment", [sys.executable, "-m", "venv", str(ENVIRONMENT)]),
            # With what it depends on, which differs between a CPU and a GPU build.
            (torch, [*pip, torch]),
            (
                "the rest, exactly as pinned",
                [*pip, "--no-deps", "--requirement", str(REQUIREMENTS)],
            ),
        )
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        for number, (what, command) in enumerate(steps, 1):
            print(f"stock mlserver, step {number} of {len(steps)}: {what}", file=sys.stderr)
            subprocess.run(command, check=True)
        stamp.write_text(wanted)

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """A folder of settings and converted weights; `mlserver start` in it."""
        port = free_port()
        server = {
            "host": "127.0.0.1",
            "http_port": port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
            "parallel_workers": self.settings.parallel_workers,
            "debug": False,
            "gzip_enabled": False,
        }
        (folder / "settings.json").write_text(json.dumps(server))
        for key in KEYS:
            for_transformers_4(self.weights[key], folder / key / "weights")
            model = {
                "name": key,
                "implementation": "mlserver_huggingface.HuggingFaceRuntime",
                "max_batch_size": self.settings.max_batch_size,
                "max_batch_time": self.settings.max_batch_time,
                "parameters": {
                    "extra": {
                        "task": "text-classification",
                        "pretrained_model": str(folder / key / "weights"),
                        "framework": "pt",
                    }
                },
            }
            (folder / key / "model-settings.json").write_text(json.dumps(model))
        command = [str(ENVIRONMENT / "bin" / "mlserver"), "start", str(folder)]
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
