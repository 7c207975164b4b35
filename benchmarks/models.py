"""Chorus with any number of classifiers behind `POST /process`: copies of one checkpoint."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import orjson

from benchmarks.answers import Answers, Result, result
from benchmarks.peers.base import Launch, ProcessPeer

CLASSIFIER, ENSEMBLE = "mlserver_chorus.Classifier", "mlserver_chorus.Ensemble"


class ManyModels(ProcessPeer):
    """`chorus serve` over a folder of its own: N classifiers, and an ensemble over them all.

    Each loads its weights for itself, as different models do; those of real size are 1.1 GB each.
    """

    name = "chorus"

    def __init__(self, checkpoints: list[Path], device: str) -> None:
        self.checkpoints = checkpoints
        self.device = device
        self.names = [f"model{number}" for number in range(1, len(checkpoints) + 1)]
        self.setting = f"models {len(checkpoints)}"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """The one with a model per folder."""
        return [cls(list(weights.values()), device)]

    def prepare(self) -> None:
        """Nothing: `make install` has done it."""

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """Settings and links to the weights, side by side; `chorus serve` over them."""
        (folder / "weights").mkdir()
        for name, checkpoint in zip(self.names, self.checkpoints, strict=True):
            _write(folder / "models" / name, {"name": name, "implementation": CLASSIFIER})
            (folder / "weights" / name).symlink_to(checkpoint)
        members: dict[str, object] = {name: {} for name in self.names}
        ensemble = {"name": "process", "implementation": ENSEMBLE}
        _write(
            folder / "models" / "process",
            {**ensemble, "parameters": {"extra": {"members": members}}},
        )
        port = free_port()
        command = [str(Path(sys.executable).parent / "chorus"), "serve", "--port", str(port)]
        command += ["--models-dir", str(folder / "models"), "--weights", str(folder / "weights")]
        command += ["--device", self.device]
        for option in ("--v2-port", "--grpc-port", "--metrics-port"):
            command += [option, str(free_port())]
        return Launch(command, folder, {}, port)

    def ready_paths(self) -> list[str]:
        """The gateway is ready when all models are."""
        return ["/readyz"]

    def read(self, part: int, body: bytes) -> Answers:
        """Every model's answer."""
        reply = orjson.loads(body)
        return {name: Result(*result(reply[name])) for name in self.names}


def _write(folder: Path, settings: Mapping[str, object]) -> None:
    folder.mkdir(parents=True)
    (folder / "model-settings.json").write_text(json.dumps(settings))
