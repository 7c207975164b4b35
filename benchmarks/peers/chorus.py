"""Chorus itself: `chorus serve`, one `POST /process` per text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import orjson

from benchmarks.answers import KEYS, Answers, result
from benchmarks.peers.base import ROOT, Launch, Peer, Post


class Chorus(Peer):
    """The checkout's own server, from the environment that runs this script."""

    name = "chorus"

    def __init__(self, weights: dict[str, Path] | None = None) -> None:
        self.weights = weights

    def prepare(self) -> None:
        """Nothing: `make install` has done it."""

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """`chorus serve` on free ports, with the checkout's stand-ins unless told otherwise."""
        port = free_port()
        command = [str(Path(sys.executable).parent / "chorus"), "serve", "--host", "127.0.0.1"]
        command += ["--port", str(port)]
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

    def posts(self, text: str) -> list[Post]:
        """The text as a JSON string."""
        return [Post("/process", orjson.dumps(text))]

    def read(self, part: int, body: bytes) -> Answers:
        """All five answers."""
        reply = orjson.loads(body)
        return {key: result(reply[key]) for key in KEYS}
