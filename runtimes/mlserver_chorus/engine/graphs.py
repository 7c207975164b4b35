"""CUDA graphs: a forward's hundreds of small kernels as one launch, for batches of a few sizes.

A graph reads and writes fixed memory, so that a batch is laid out in the smallest size that holds
it; rows and texts beyond its own are computed and never read. Each forward has its own stream:
those of one batch run side by side, and the host waits for answers only, never for a launch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from . import exactness
from .attention import AnyLength
from .packing import Ints, Packed
from .types import Encoding, Logits, TextEncoder

if TYPE_CHECKING:
    from .forward_packed import PackedForward

logger = logging.getLogger("mlserver.chorus")

# Tokens of the graphs: close enough that a batch computes a third too many at most.
SIZES = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384)
# A graph has room for texts of so many tokens on average; shorter ones go without a graph.
TOKENS_PER_TEXT = 8


# Another attention kernel moves fp32 logits by about 1e-6; this is 1e-5 of a probability at most,
# for a probability moves by a quarter of its logit at most.
TOLERANCE = 4 * exactness.TOLERANCE


class Graph:
    """One forward, recorded for batches of at most `tokens` tokens and `texts` texts."""

    def __init__(
        self, forward: PackedForward, tokens: int, stream: torch.cuda.Stream, pool: Any
    ) -> None:
        self.tokens = tokens
        self.texts = tokens // TOKENS_PER_TEXT
        self._stream = stream
        size = layout_size(tokens, self.texts)
        self._input = torch.zeros(size, dtype=torch.int64, device=forward.device)
        with torch.inference_mode():
            with torch.cuda.stream(stream):
                for _ in range(2):  # libraries set themselves up in the first run
                    forward.logits(laid_out(self._input, tokens, self.texts, forward))
            stream.synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, pool, stream, capture_error_mode="thread_local"):
                batch = laid_out(self._input, tokens, self.texts, forward)
                self._logits = forward.logits(batch)

    def start(self, batch: Packed) -> Callable[[], Logits]:
        """Launch a batch; the result waits for its logits. One copy in, one copy out."""
        ids = torch.from_numpy(lay_out(batch, self.tokens, self.texts)).pin_memory()
        logits = torch.empty(self._logits.shape, pin_memory=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            self._input.copy_(ids, non_blocking=True)
            self._graph.replay()
            logits.copy_(self._logits, non_blocking=True)
            done.record()

        def result() -> Logits:
            done.synchronize()
            return batch.in_order(logits[: len(batch.starts)])

        return result


class Graphs:
    """The graphs of one forward, up to `budget` tokens."""

    def __init__(self, forward: PackedForward, budget: int) -> None:
        # The graphs read this memory, whatever becomes of the forward.
        self._weights = (*forward.layers, *forward.words, forward.positions)
        stream = torch.cuda.Stream(forward.device)  # type: ignore[no-untyped-call]
        pool = torch.cuda.graph_pool_handle()
        # The largest first: the others then fit into its memory.
        self._graphs = [
            Graph(forward, size, stream, pool) for size in reversed(sizes_up_to(budget))
        ][::-1]

    def fitting(self, batch: Packed) -> Graph | None:
        """The smallest that holds a batch."""
        tokens, texts = len(batch.ids), len(batch.starts)
        return next((g for g in self._graphs if tokens <= g.tokens and texts <= g.texts), None)

    def difference(self, forward: PackedForward, encodings: Sequence[Encoding]) -> float:
        """The most that any graph's logits differ from the forward's, on texts that fit it."""
        differences = []
        for graph in self._graphs:
            ends = np.cumsum([len(encoding.ids) for encoding in encodings])
            inputs = forward.collate(encodings[: int((ends <= graph.tokens).sum())])
            ours, theirs = graph.start(inputs)(), forward(inputs)
            differences.append(exactness.difference(ours, theirs, "none"))
        return float(np.max(differences))


def record(forward: PackedForward, budget: int, tokenizer: TextEncoder) -> None:
    """Give a forward on a CUDA device its graphs, if they answer as it does without them."""
    if forward.device.type != "cuda":
        return
    probes = sorted(tokenizer.encode(exactness.PROBES), key=lambda encoding: len(encoding.ids))
    try:
        recorded = Graphs(forward, budget)
        difference = recorded.difference(forward, probes)
    except Exception as error:
        # A kernel or a capture that this device or driver does not know.
        logger.warning("chorus: no CUDA graphs: %s", type(error).__name__)
        return
    if difference <= TOLERANCE:
        forward.graphs = recorded
    else:
        logger.warning("chorus: no CUDA graphs: their logits differ by %.1e", difference)


def sizes_up_to(budget: int) -> list[int]:
    """The sizes of the graphs that any batch of a budget fits into."""
    smaller = [size for size in SIZES if size < budget]
    return [*smaller, *SIZES[len(smaller) :][:1]]


def layout_size(tokens: int, texts: int) -> int:
    """Numbers in the one array that a batch travels in."""
    return 2 * tokens + 2 * texts + 1


def lay_out(batch: Packed, tokens: int, texts: int) -> Ints:
    """A batch as one array: ids, positions, first rows, and where each text ends.

    Texts that are not there are empty, behind the last one.
    """
    own, rows = len(batch.starts), len(batch.ids)
    array = np.zeros(layout_size(tokens, texts), np.int64)
    array[:rows] = batch.ids
    array[tokens : tokens + rows] = batch.positions
    array[2 * tokens :][:own] = batch.starts
    offsets = array[2 * tokens + texts :]
    offsets[:own] = batch.starts
    offsets[own:] = rows
    return array


def laid_out(array: Tensor, tokens: int, texts: int, forward: PackedForward) -> Packed:
    """The batch in such an array, on its device, for the models of a forward.

    The rows behind the last text are a text of their own, which no head reads.
    """
    parts = torch.split(array, [tokens, tokens, texts, texts + 1])
    ids, positions, starts, offsets = parts
    models = torch.arange(len(forward.words), device=array.device).unsqueeze(1)
    numbers = torch.arange(texts + 1, device=array.device)

    def over_models(each: Tensor, rows: int) -> Tensor:
        everywhere = (each + models * rows).flatten()
        return F.pad(everywhere, (0, 1), value=len(forward.words) * rows).to(torch.int32)

    longest = min(tokens, forward.positions.shape[-2])
    attention = AnyLength(over_models(offsets, tokens), over_models(numbers, texts), longest)
    return Packed(ids, positions, starts, attention, np.arange(texts))
