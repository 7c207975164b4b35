"""A peer: how to make its environment, start it, know that it is ready, ask it, read its reply."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.answers import Answers

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".peers"


class Post(NamedTuple):
    """One HTTP request of those that a text takes."""

    path: str
    body: bytes


class Launch(NamedTuple):
    """How to start a peer: the command, its folder, additions to its environment, its port."""

    command: list[str]
    folder: Path
    environment: dict[str, str]
    port: int


class Peer(ABC):
    """A server under test. A new peer is one subclass in a file of its own."""

    name: str
    setting: str = "default"

    @abstractmethod
    def prepare(self) -> None:
        """Make what starting needs, once; prints what it does when that takes long."""

    @abstractmethod
    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        """Write its configuration into the empty `folder` and say how to start it."""

    @abstractmethod
    def ready_paths(self) -> list[str]:
        """The paths that all answer 200 once every model serves."""

    @abstractmethod
    def posts(self, text: str) -> list[Post]:
        """The requests, sent at once, that together answer one text."""

    @abstractmethod
    def read(self, part: int, body: bytes) -> Answers:
        """The answers in the reply to request number `part`.

        Raises KeyError, TypeError, IndexError or ValueError if there are none in it.
        """
