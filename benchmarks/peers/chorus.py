"""Chorus itself: `chorus serve`, one `POST /process` per text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from benchmarks.peers.base import ROOT, Launch, ProcessPeer


class Chorus(ProcessPeer):
    """The checkout's own server, from the environment that runs this script."""

    name = "chorus"

    def __init__(self, weights: dict[str, Path] | None = None, device: str = "cpu") -> None:
        self.weights = weights
        self.device = device

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """The one there is: Chorus chooses batches and threads by itself."""
        return [cls(weights, device)]

    def prepare(self) -> None:
        """Nothing: `make install` has done it."""

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """`chorus serve` on free ports, with the checkout's stand-ins unless told otherwise."""
        port = free_port()
        command = [str(Path(sys.executable).parent / "chorus"), "serve", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--device", self.device]
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
