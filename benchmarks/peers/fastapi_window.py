"""FastAPI with a queue per model and a 10 ms window: the design that won the challenge."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from benchmarks.peers.base import all_cores
from benchmarks.peers.environment import Environment
from benchmarks.peers.scripted import ScriptedPeer

WINDOW_SECONDS = 0.01


class FastAPIWindow(ScriptedPeer):
    """Batches through the same pipelines, on the event loop as the original or off it."""

    name = "fastapi-window"
    environment = Environment("fastapi")
    script = "fastapi_window.py"

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """Batches of 32 as in the original, and up to 64."""
        settings = [(1, 32, "in-line"), (1, 64, "in-line"), (1, 64, "thread")]
        if device == "cpu" and all_cores() > 1:
            settings = [
                (all_cores(), 64, "in-line"),
                (all_cores(), 64, "thread"),
                *settings,
            ]
        return [
            cls(weights, device, threads, window=WINDOW_SECONDS, max_batch=max_batch, call=call)
            for threads, max_batch, call in settings
        ]
