"""The gateway of Chorus in front of constant answers: its own cost, never ranked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from benchmarks.peers.base import Launch, ProcessPeer
from benchmarks.peers.scripted import SERVERS


class Null(ProcessPeer):
    """The checkout's gateway, from the environment that runs this script; no model at all."""

    name = "null"
    setting = "constant answers"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """The one there is; it needs neither weights nor a device."""
        return [cls()]

    def prepare(self) -> None:
        """Nothing: `make install` has done it."""

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """The constant server, which starts the gateway."""
        port = free_port()
        command = [sys.executable, str(SERVERS / "null_v2.py"), "--port", str(port)]
        return Launch(command, folder, {}, port)

    def ready_paths(self) -> list[str]:
        """The gateway's own."""
        return ["/readyz"]
