"""FastAPI with five pipelines, the plain way: no batching."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from benchmarks.peers.base import all_cores
from benchmarks.peers.environment import Environment
from benchmarks.peers.scripted import ScriptedPeer


class FastAPI(ScriptedPeer):
    """A `def` endpoint in FastAPI's thread pool, or an `async def` one that computes in line."""

    name = "fastapi"
    environment = Environment("fastapi")
    script = "fastapi_plain.py"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """Both endpoints; on the CPU also with all cores, as torch threads or as processes."""
        settings = [(1, 1)] if device == "cuda" else [(all_cores(), 1), (1, 1), (1, all_cores())]
        return [
            cls(weights, device, threads, endpoint=endpoint, workers=workers)
            for threads, workers in dict.fromkeys(settings)
            for endpoint in ("def", "async")
        ]
