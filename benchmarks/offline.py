"""A text's work without a server: matrix products, the engine's forwards, the bare ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

# As the engine sets it before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

import torch
from transformers import AutoModelForSequenceClassification

from benchmarks.flops import layer_products
from benchmarks.shapes import Shape
from mlserver_chorus.engine.loading import load_classifier
from mlserver_chorus.engine.merging import merge
from mlserver_chorus.engine.threads import MOST
from mlserver_chorus.engine.types import Encoding, Model, Part

ROWS = 1024
"""Tokens in a product: what a batch of ten texts has."""


class Task(NamedTuple):
    """A piece of work and its arithmetic."""

    work: Callable[[], object]
    flop: int


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes, the device's part included."""
    _synchronise()
    started = perf_counter()
    work()
    _synchronise()
    return perf_counter() - started


def rate(tasks: Iterator[Task], seconds: float) -> float:
    """FLOP per second of the tasks, as many as fill so many seconds, and one at least."""
    flop, total = 0, 0.0
    for task in tasks:
        total += timed(task.work)
        flop += task.flop
        if total >= seconds:
            break
    return flop / total


def layer_product(shape: Shape, device: str) -> Task:
    """All matrix products of one layer on ROWS tokens, in fp32."""
    products = [
        (torch.randn(ROWS, inputs, device=device), torch.randn(inputs, outputs, device=device))
        for (inputs, outputs), count in layer_products(shape).items()
        for _ in range(count)
    ]

    def work() -> None:
        torch.set_num_threads(MOST)  # the engine sets its own between the repeats
        for rows, weights in products:
            torch.mm(rows, weights)

    return Task(work, sum(2 * ROWS * weights.numel() for _, weights in products))


def load_engine(folders: dict[str, Path], device: str) -> list[Part]:
    """The models as the engine serves them: tokenizers shared, side by side where that pays."""
    models: list[Model] = []
    for key, folder in folders.items():
        shared = [model.tokenizer for model in models]
        models.append(load_classifier(key, folder, device, tokenizers=shared))
    parts = merge(models)
    taken = {model for part in parts for model in part.models}
    return [*parts, *(Part((model,), model.forward) for model in models if model not in taken)]


class Encoded:
    """Texts tokenised for each part of the engine, in batches as the engine forms them."""

    def __init__(self, parts: Sequence[Part], texts: Sequence[str]) -> None:
        encoded = {id(part.tokenizer): part.tokenizer.encode(texts) for part in parts}
        self.parts = parts
        self.columns = [encoded[id(part.tokenizer)] for part in parts]

    def of_model(self, name: str) -> list[Encoding]:
        """Each text's encoding for one model."""
        pairs = zip(self.parts, self.columns, strict=True)
        return next(c for part, c in pairs if any(model.name == name for model in part.models))

    def batches(self) -> Iterator[slice]:
        """Neighbouring texts, as many as the engine's token budget and the models' rows allow."""
        longest = [max(len(e.ids) for e in row) for row in zip(*self.columns, strict=True)]
        most = max(model.batch_tokens for part in self.parts for model in part.models)
        rows = min(part.max_rows for part in self.parts)
        start, total = 0, 0
        for number, tokens in enumerate(longest):
            if number > start and (total + tokens > most or number - start == rows):
                yield slice(start, number)
                start, total = number, 0
            total += tokens
        yield slice(start, len(longest))

    def forward(self, texts: slice) -> None:
        """Run some of the texts through every model; what collates alike is collated once."""
        collated: dict[tuple[Any, int], Any] = {}
        for part, column in zip(self.parts, self.columns, strict=True):
            key = (part.forward.collate, id(column))
            if key not in collated:
                collated[key] = part.forward.collate(column[texts])
            part.forward(collated[key])


def load_bare(folder: Path, device: str) -> Callable[[Encoding], None]:
    """The transformers model as it is, for one text at a time."""
    module = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True
    )
    module = module.to(device).eval()

    @torch.inference_mode()
    def forward(encoding: Encoding) -> None:
        torch.set_num_threads(MOST)
        module(input_ids=torch.tensor([encoding.ids], device=device)).logits.cpu()

    return forward


def _synchronise() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
