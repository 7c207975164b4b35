"""A peer: how to make its environment, start it, know that it is ready, ask it, read its reply."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import orjson

from benchmarks.answers import KEYS, Answers, Result, common_label, result

ROOT = Path(__file__).resolve().parents[2]


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
    """A server under test, in one setting. A new peer is one subclass in a file of its own."""

    name: ClassVar[str]
    setting: str = "default"
    device: str = "cpu"

    @classmethod
    @abstractmethod
    def candidates(cls, weights: dict[str, Path], device: str) -> list[Self]:
        """The settings worth trying on "cpu" or "cuda"; with any of them all answers are right.

        At most six: trying one costs a start and seconds of load.
        """

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
        """The answers in the reply to request number `part`, labels spelled as `/process` does.

        Raises KeyError, TypeError, IndexError or ValueError if there are none in it.
        """


class ProcessPeer(Peer):
    """A peer that speaks as Chorus does: `POST /process` with a JSON string, five answers back."""

    def posts(self, text: str) -> list[Post]:
        """The text as a JSON string."""
        return [Post("/process", orjson.dumps(text))]

    def read(self, part: int, body: bytes) -> Answers:
        """All five answers."""
        return five_answers(orjson.loads(body))


def five_answers(reply: dict[str, dict[str, object]]) -> Answers:
    """The answers in `{KEY: {"label": …, "score": …}, …}`; KeyError if one is missing."""
    answers = {}
    for key in KEYS:
        label, score = result(reply[key])
        answers[key] = Result(common_label(key, label), score)
    return answers


def all_cores() -> int:
    """The cores that this process, and so a server that it starts, may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
