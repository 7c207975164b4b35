"""CUDA graphs: how a batch is laid out for them, on any machine; the graphs themselves on a GPU."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from mlserver_chorus.engine import graphs, loading
from mlserver_chorus.engine.attention import AnyLength
from mlserver_chorus.engine.forward_packed import PackedForward
from mlserver_chorus.engine.graphs import TOKENS_PER_TEXT, laid_out, lay_out, sizes_up_to
from mlserver_chorus.engine.types import Encoding

from ..conftest import MakeCheckpoint

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")

LENGTHS = [[2], [1, 1, 1], [100], [7, 30, 2, 64], [9] * 12, list(range(2, 15))]


def encodings(lengths: list[int], seed: int = 0) -> list[Encoding]:
    rng = random.Random(seed)
    return [Encoding([0, *(rng.randrange(1, 30) for _ in range(n - 1))]) for n in lengths]


def forward_of(folder: Path, device: str = "cpu") -> PackedForward:
    forward = loading.load_classifier("m", folder, device).forward
    assert isinstance(forward, PackedForward)
    return forward


def text_by_text(
    attention: AnyLength, query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, _: int
) -> Tensor:
    """What the kernel is documented to do, slowly; rows of no text are not numbers."""
    mixed = torch.full_like(query, torch.nan)
    bounds = zip(offsets.tolist(), offsets.tolist()[1:], strict=False)
    keys = zip(attention.offsets.tolist(), attention.offsets.tolist()[1:], strict=False)
    for (first, last), (start, end) in zip(bounds, keys, strict=True):
        if start < end:
            q, k, v = (
                t.transpose(1, 2)
                for t in (query[:, first:last], key[:, start:end], value[:, start:end])
            )
            mixed[:, first:last] = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
    return mixed


@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_a_batch_in_a_larger_graph_has_its_own_answers(
    make_checkpoint: MakeCheckpoint,
    monkeypatch: pytest.MonkeyPatch,
    lengths: list[int],
    models: int,
) -> None:
    """Neither the rows nor the texts that fill a graph up reach any answer."""
    folder = make_checkpoint(vocab_size=90)
    alone = [forward_of(folder) for _ in range(models)]
    for number, each in enumerate(alone):
        each.layers[0].up.weight.mul_(1 + number)  # so that no two of them answer alike
    forward = alone[0] if models == 1 else PackedForward.merged(alone)
    batch = forward.collate(encodings(lengths))
    expected = forward(batch)
    monkeypatch.setattr(AnyLength, "_call", text_by_text)
    for tokens in (128, 192):
        texts = tokens // TOKENS_PER_TEXT
        array = torch.from_numpy(lay_out(batch, tokens, texts))
        with torch.inference_mode():
            logits = forward.logits(laid_out(array, tokens, texts, forward))
        assert np.abs(batch.in_order(logits[: len(lengths)]) - expected).max() <= 1e-5


@pytest.mark.parametrize(
    ("budget", "largest"), [(1, 128), (128, 128), (129, 192), (5000, 6144), (16384, 16384)]
)
def test_every_batch_within_the_budget_fits_a_graph(budget: int, largest: int) -> None:
    assert sizes_up_to(budget)[-1] == largest
    assert sizes_up_to(budget) == sorted(sizes_up_to(budget))


def test_there_are_no_graphs_without_a_gpu(make_checkpoint: MakeCheckpoint) -> None:
    forward = forward_of(make_checkpoint())
    assert forward.graphs is None
    assert not forward.runs_ahead


@needs_gpu
@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_a_graph_answers_as_the_cpu_does(
    make_checkpoint: MakeCheckpoint, lengths: list[int], models: int
) -> None:
    folder = make_checkpoint(vocab_size=90)
    host = loading.load_classifier("m", folder, "cpu")
    alone = [forward_of(folder, "cuda") for _ in range(models)]
    forward = alone[0]
    if models > 1:
        forward = PackedForward.merged(alone)
        graphs.record(forward, 1024, host.tokenizer)
    assert forward.graphs is not None
    batch = forward.collate(encodings(lengths))
    assert forward.graphs.fitting(batch)
    pending = [forward.start(batch) for _ in range(3)]
    expected = np.tile(host.forward(host.forward.collate(encodings(lengths))), models)
    for result in pending:
        assert np.abs(result() - expected).max() <= 1e-4


@needs_gpu
def test_graphs_survive_that_a_model_is_merged_and_separated(
    make_checkpoint: MakeCheckpoint,
) -> None:
    """The graphs recorded before read memory that nobody else may take until they are gone."""
    folder = make_checkpoint(vocab_size=90)
    alone = [forward_of(folder, "cuda") for _ in range(2)]
    forward, batch = alone[0], alone[0].collate(encodings([5, 60]))
    expected, old = forward(batch), forward.graphs
    graph = old.fitting(batch) if old else None
    assert graph
    PackedForward.merged(alone)
    assert forward.graphs is None
    assert np.abs(graph.start(batch)() - expected).max() <= 1e-5
    assert np.abs(forward(batch) - expected).max() <= 1e-5
