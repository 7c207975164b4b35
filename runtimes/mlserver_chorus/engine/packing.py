"""How the texts of a batch lie in memory: end to end, in blocks of similar length for attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .attention import Attention, Block, InBlocks, TextByText
from .types import Encoding, Logits

Ints = NDArray[np.int64]

# A block's attention grid may hold this many times its tokens. Attention is a few per cent of the
# work at 100 tokens, so that padding it a little costs less than a kernel call per text.
MAX_GRID = 1.3
# … but below so many cells a block of its own costs more than any padding.
MIN_CELLS = 256


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch without padding: ids and positions int64 [tokens], texts sorted by length."""

    ids: Tensor
    positions: Tensor
    starts: Tensor
    """Row of each text's first token."""
    attention: Attention
    order: Ints
    """Which encoding each text was, so that answers can go back in the caller's order."""

    def to(self, device: torch.device) -> Packed:
        """The batch with its tensors on a device."""
        if device.type == "cpu":
            return self
        ids, positions, starts = (t.to(device) for t in (self.ids, self.positions, self.starts))
        return Packed(ids, positions, starts, self.attention.to(device), self.order)

    def in_order(self, logits: Tensor) -> Logits:
        """Logits of the packed texts, on the host, in the order of the encodings."""
        answers = np.empty(tuple(logits.shape), np.float32)
        answers[self.order] = logits.numpy()
        return answers


@dataclass(frozen=True)
class PackedCollator:
    """Packs encodings; frozen, so that models with one tokenizer share the result.

    `padding_idx` is RoBERTa's: positions count from the row behind it, and a literal padding token
    in a text stays on it. None counts from 0.
    """

    padding_idx: int | None
    text_by_text: bool = False
    """Whether texts attend one by one, rather than in blocks."""

    def __call__(self, encodings: Sequence[Encoding]) -> Packed:
        """Pack a batch."""
        unsorted = np.fromiter((len(e.ids) for e in encodings), np.int64, len(encodings))
        order = np.argsort(unsorted, kind="stable")
        lengths = unsorted[order]
        starts = np.cumsum(lengths) - lengths
        ids = np.concatenate([encodings[number].ids for number in order]).astype(np.int64)
        return Packed(
            torch.from_numpy(ids),
            torch.from_numpy(self._positions(ids, lengths, starts)),
            torch.from_numpy(starts),
            self._attention(lengths, starts),
            order,
        )

    def tokens(self, rows: int, longest: int, total: int) -> int:
        """Real tokens only."""
        return total

    def _attention(self, lengths: Ints, starts: Ints) -> Attention:
        if self.text_by_text:
            return TextByText(list(zip(starts.tolist(), (starts + lengths).tolist(), strict=True)))
        return InBlocks([_block(lengths, starts, texts) for texts in similar(lengths)])

    def _positions(self, ids: Ints, lengths: Ints, starts: Ints) -> Ints:
        counted = np.arange(1, len(ids) + 1) - np.repeat(starts, lengths)
        if self.padding_idx is None:
            return counted - 1
        token = ids != self.padding_idx
        if not token.all():
            running = np.cumsum(token)
            before = running[starts] - token[starts]
            counted = (running - np.repeat(before, lengths)) * token
        return counted + self.padding_idx


def similar(lengths: Ints) -> Iterator[slice]:
    """Runs of the sorted texts whose grids stay within bounds."""
    first, total = 0, 0
    for number, length in enumerate(lengths.tolist()):
        cells = (number + 1 - first) * length
        if number > first and cells > MAX_GRID * (total + length) and cells > MIN_CELLS:
            yield slice(first, number)
            first, total = number, 0
        total += length
    yield slice(first, len(lengths))


def _block(lengths: Ints, starts: Ints, texts: slice) -> Block:
    sizes = lengths[texts]
    base, longest = int(starts[texts][0]), int(sizes[-1])
    rows = slice(base, base + int(sizes.sum()))
    if sizes[0] == longest:
        return Block(rows, texts, longest)
    columns = np.arange(longest)
    real = columns < sizes[:, None]
    cells: Any = np.where(real, starts[texts][:, None] - base + columns, 0)
    mask = np.where(real, np.float32(0), np.float32(-np.inf))[:, None, None, :]
    return Block(
        rows,
        texts,
        longest,
        gather=torch.from_numpy(cells.ravel()),
        scatter=torch.from_numpy(np.flatnonzero(real)),
        mask=torch.from_numpy(mask),
    )
