"""Ray Serve: one deployment of the five models, `serve.batch`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from benchmarks.peers.base import all_cores
from benchmarks.peers.environment import Environment
from benchmarks.peers.scripted import ScriptedPeer


class Ray(ScriptedPeer):
    """A local Ray of its own; proxy, controller and raylet share the cores with the models."""

    name = "ray"
    environment = Environment("ray")
    script = "ray_serve.py"
    variables: ClassVar[dict[str, str]] = {
        "RAY_USAGE_STATS_ENABLED": "0",
        # What its documentation recommends for throughput.
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    }

    @classmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """Both proxies, Ray's default wait of 10 ms or none, batches of 10 to 64, two replicas."""
        settings = [
            (1, "python", 64, 0, 1),
            (1, "haproxy", 64, 0, 1),
            (1, "haproxy", 64, 0.01, 1),
            (1, "haproxy", 10, 0.01, 1),
            (1, "haproxy", 32, 0, 2),
        ]
        if device == "cpu" and all_cores() > 1:
            settings.insert(0, (all_cores(), "haproxy", 64, 0, 1))
        return [
            cls(weights, device, threads, proxy=proxy, max_batch=batch, wait=wait, replicas=count)
            for threads, proxy, batch, wait, count in settings
        ]
