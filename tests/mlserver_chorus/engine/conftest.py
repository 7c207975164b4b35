"""Models whose answers show which text they belong to: without weights, and small real ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import REGISTRY

from mlserver_chorus.engine import threads
from mlserver_chorus.engine.admission import Bounds
from mlserver_chorus.engine.engine import Engine
from mlserver_chorus.engine.types import Encoding, Logits, Model, TextEncoder

from ..conftest import MakeCheckpoint

FAMILY = {
    "xlm-roberta": "XLMRobertaForSequenceClassification",
    "roberta": "RobertaForSequenceClassification",
    "bert": "BertForSequenceClassification",
}
# How many labels each of the kin has; one of them is alone with its sigmoid.
LABELS = (2, 3, 1, 45, 5)


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

    runs_ahead: bool = False

    def start(self, inputs: Any) -> Callable[[], Logits]:
        return partial(self, inputs)

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
    # Whatever a test sends may wait: bounds have tests of their own.
    engine = Engine("cpu", 1000, Bounds(texts=100_000))
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
            **{
                "batch_tokens": 1000,
                "max_rows": 64,
                "max_wait": 20.0,
                "origin": "folder",
                **limits,
            },
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


def forward_of(model: Model) -> FakeForward:
    assert isinstance(model.forward, FakeForward)
    return model.forward


def sample(name: str, **labels: str) -> float:
    """A metric's value now."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def occupy(engine: Engine, model: Model) -> asyncio.Task[Any]:
    """Keep the device busy until the model's gate opens."""
    task = asyncio.create_task(engine.infer([model], ["occupied"]))
    assert await asyncio.to_thread(forward_of(model).running.wait, 10)
    return task


async def until(condition: Callable[[], Any]) -> None:
    deadline = asyncio.get_running_loop().time() + 10
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every forward is said to take a second, so that n side by side take an nth of the time."""
    monkeypatch.setattr(threads, "seconds", lambda run, threads: 1.0)


@pytest.fixture
def make_kin(make_checkpoint: MakeCheckpoint) -> MakeCheckpoint:
    """Write checkpoints of one tokenizer and one shape; `number` seeds weights and labels.

    No tensor stays as it was initialised: equal norms and biases would hide a mix-up, and weights
    as small as those of an untrained model give every text nearly the same answer.
    """

    def make(name: str, number: int, kind: str = "xlm-roberta", **config: Any) -> Path:
        import torch
        from safetensors.torch import load_file, save_file

        count = LABELS[number % len(LABELS)]
        labels = {str(label): f"{name} {label}" for label in range(count)}
        usual = {"model_type": kind, "architectures": [FAMILY.get(kind)], "id2label": labels}
        folder = make_checkpoint(f"{name}-{number}", **{**usual, **config})
        file = folder / "model.safetensors"
        seeded = torch.Generator().manual_seed(number)
        weights = {
            key: value + 0.3 * torch.randn(value.shape, generator=seeded)
            for key, value in sorted(load_file(file).items())
        }
        save_file(weights, file, {"format": "pt"})
        return folder

    return make


LoadKin = Callable[..., Model]


@pytest.fixture
def load_kin(make_kin: MakeCheckpoint, untimed: None) -> LoadKin:
    """Make and load one of the kin, with the tokenizer of those before it where that will do."""
    tokenizers: list[TextEncoder] = []

    def load(number: int, **config: Any) -> Model:
        from mlserver_chorus.engine.loading import load_classifier

        name = "abcdefgh"[number]
        folder = make_kin(name, number, **config)
        model = load_classifier(name, folder, "cpu", tokenizers=tokenizers)
        tokenizers.append(model.tokenizer)
        return model

    return load
