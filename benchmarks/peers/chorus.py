"""Chorus itself: `chorus serve`, one `POST /process` per text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from benchmarks.peers.base import ROOT, Launch, ProcessPeer, all_cores

# Weights of larger models than that keep every core busy from one process.
SMALL = 500_000_000


class Chorus(ProcessPeer):
    """The checkout's own server, from the environment that runs this script."""

    name = "chorus"

    def __init__(
        self, weights: dict[str, Path] | None = None, device: str = "cpu", processes: int = 1
    ) -> None:
        self.weights = weights
        self.device = device
        self.processes = processes
        self.setting = f"processes {processes}"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """One process, and one per core for small models; the rest Chorus measures by itself."""
        files = (file for folder in weights.values() for file in folder.glob("*.safetensors"))
        small = device == "cpu" and sum(file.stat().st_size for file in files) < SMALL
        several = [cls(weights, device, all_cores())] if small and all_cores() > 1 else []
        return [cls(weights, device), *several]

    def prepare(self) -> None:
        """Nothing: `make install` has done it."""

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """`chorus serve` on free ports, with the checkout's stand-ins unless told otherwise."""
        port = free_port()
        command = [str(Path(sys.executable).parent / "chorus"), "serve", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--device", ",".join([self.device] * self.processes)]
        for option in ("--v2-port", "--grpc-port", "--metrics-port"):
            command += [option, str(free_port())]
        if self.weights:
            for key, weights in self.weights.items():
                (folder / key).symlink_to(weights)
            command += ["--weights", str(folder)]
        return Launch(command, ROOT, {}, port)

    def ready_paths(self) -> list[str]:
        """The gateway is ready when all models are."""
        return ["/readyz"]
