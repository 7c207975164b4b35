"""LitServe: one API for the five models, batched within a timeout."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from benchmarks.peers.base import all_cores
from benchmarks.peers.environment import Environment
from benchmarks.peers.scripted import ScriptedPeer


class LitServe(ScriptedPeer):
    """With ZeroMQ queues, and as many HTTP processes as workers, as it does by itself."""

    name = "litserve"
    environment = Environment("litserve")
    script = "litserve_api.py"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """Batches of 10 to 64, timeouts of 0 (which spins a core) to 10 ms, one or two workers."""
        settings = [
            (1, 64, 0.01, 1),
            (1, 64, 0.001, 1),
            (1, 64, 0, 1),
            (1, 32, 0.001, 2),
            (1, 10, 0.01, 1),
        ]
        if device == "cpu" and all_cores() > 1:
            settings.insert(0, (all_cores(), 64, 0.001, 1))
        return [
            cls(weights, device, threads, max_batch=max_batch, timeout=timeout, workers=workers)
            for threads, max_batch, timeout, workers in settings
        ]
