"""A model without weights, whose answers show exactly which text they belong to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.types import Encoding, Logits, Model


class CharTokenizer:
    """One token per character; `bad` in a text cannot be tokenised."""

    limit = 10_000

    def __init__(self) -> None:
        self.calls = 0

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        self.calls += 1
        if any("untokenisable" in text for text in texts):
            raise ValueError("cannot tokenise")
        return [Encoding([ord(c) for c in text] or [0]) for text in texts]


@dataclass(frozen=True)
class PlainCollator:
    def __call__(self, encodings: Sequence[Encoding]) -> list[list[int]]:
        return [e.ids for e in encodings]

    def tokens(self, rows: int, longest: int, total: int) -> int:
        return rows * longest


@dataclass
class FakeForward:
    """Logits are a checksum of the tokens; runs only while `gate` is open."""

    seed: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    running: threading.Event = field(default_factory=threading.Event)
    batches: list[list[str]] = field(default_factory=list)
    collate: PlainCollator = field(default_factory=PlainCollator)
    spoil: Callable[[Logits], Logits] = lambda logits: logits

    def __call__(self, inputs: Any) -> Logits:
        texts = ["".join(map(chr, ids)) for ids in inputs]
        self.batches.append(texts)
        self.running.set()
        assert self.gate.wait(20)
        if any("poison" in text for text in texts):
            raise RuntimeError("the secret text is in this message")
        return self.spoil(np.stack([checksum(text, self.seed) for text in texts]))


def checksum(text: str, seed: int = 0) -> Logits:
    """What FakeForward answers to a text, whatever stands beside it."""
    ids = [ord(c) for c in text] or [0]
    weighted = sum((i + 1) * t for i, t in enumerate(ids)) % 65521
    return np.array([weighted + seed, len(ids)], dtype=np.float32)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine("cpu", max_batch_tokens=1000)
    yield engine
    engine.close(5)


MakeModel = Callable[..., Model]


@pytest.fixture
def make_model(engine: Engine) -> Iterator[MakeModel]:
    """Make models with an open gate, registered with the engine; gates open again at the end."""
    forwards: list[FakeForward] = []

    def make(name: str = "m", tokenizer: Any = None, gate: bool = True, **limits: Any) -> Model:
        forward = FakeForward(seed=len(forwards))
        forwards.append(forward)
        encoder: Any = tokenizer or CharTokenizer()
        if gate:
            forward.gate.set()
        model = Model(
            name=name,
            labels=("a", "b"),
            activation="softmax",
            tokenizer=encoder,
            forward=forward,
            **{"max_rows": 64, "max_wait": 20.0, "origin": "folder", **limits},
        )
        engine.add(model)
        return model

    yield make
    for forward in forwards:
        forward.gate.set()


@pytest.fixture
def model(make_model: MakeModel) -> Model:
    return make_model()


@pytest.fixture
def busy(make_model: MakeModel) -> Model:
    """A model whose forward does not return before its gate is opened."""
    return make_model("busy", gate=False)
