"""Self-attention over packed rows, for one model or for several side by side.

Rows are [models, tokens, width]. Texts attend within themselves: on a CPU in blocks of similar
length, in a CUDA graph by a kernel for texts of any length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

# Tokens of a text from which the fused kernel is the faster one on a CPU.
LONG = 256


class Attention(Protocol):
    """How the texts of one batch attend."""

    def to(self, device: torch.device) -> Attention:
        """The same on a device."""
        ...

    def all_rows(self, qkv: Tensor, heads: int) -> Tensor:
        """Every row: [models, tokens, 3 · width] to [models, tokens, width]."""
        ...

    def first_rows(self, queries: Tensor, kv: Tensor, heads: int) -> Tensor:
        """The first row of each text, to all of its rows: [models, texts, width].

        `queries` [models, texts, width] are those of the first rows, `kv` [models, tokens,
        2 · width] the keys and values of all.
        """
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring texts that attend in one call, as a grid [texts, longest].

    Where all are equally long the grid is the packed rows themselves; elsewhere `gather` takes
    packed rows to grid cells, `scatter` takes cells back, and `mask` hides the cells of no token.
    """

    rows: slice
    texts: slice
    longest: int
    gather: Tensor | None = None
    scatter: Tensor | None = None
    mask: Tensor | None = None

    def to(self, device: torch.device) -> Block:
        """The block with its index tensors on a device."""
        moved = (
            None if t is None else t.to(device) for t in (self.gather, self.scatter, self.mask)
        )
        return Block(self.rows, self.texts, self.longest, *moved)


@dataclass(frozen=True, slots=True)
class InBlocks:
    """A padded call per block: one per text costs more in calls, one for all more in padding."""

    blocks: Sequence[Block]

    def to(self, device: torch.device) -> InBlocks:
        """The same on a device."""
        return InBlocks([block.to(device) for block in self.blocks])

    def all_rows(self, qkv: Tensor, heads: int) -> Tensor:
        """Every row."""
        return _joined([_block(qkv, heads, block) for block in self.blocks])

    def first_rows(self, queries: Tensor, kv: Tensor, heads: int) -> Tensor:
        """The first row of each text."""
        return _joined([_first(queries[:, b.texts], kv, heads, b) for b in self.blocks])


@dataclass(frozen=True, slots=True)
class TextByText:
    """Calls per text, on the packed rows as they lie; for wide models on a CPU.

    Plain products use the cores better than the fused kernel until the scores of a text outgrow
    the cache (docs/experiments.md).
    """

    spans: Sequence[tuple[int, int]]
    """Each text's rows."""

    def to(self, device: torch.device) -> TextByText:
        """The same on a device."""
        return self

    def all_rows(self, qkv: Tensor, heads: int) -> Tensor:
        """Every row."""
        models, tokens, width = qkv.shape
        mixed = qkv.new_empty(models, tokens, width // 3)
        for start, end in self.spans:
            query, key, value = _heads(qkv[:, start:end], 3, heads)
            attend = F.scaled_dot_product_attention if end - start > LONG else _products
            own = mixed[:, start:end].view(models, end - start, heads, -1)
            own.copy_(attend(query, key, value).transpose(1, 2))
        return mixed

    def first_rows(self, queries: Tensor, kv: Tensor, heads: int) -> Tensor:
        """The first row of each text."""
        mixed = torch.empty_like(queries)
        for text, (start, end) in enumerate(self.spans):
            (query,) = _heads(queries[:, text : text + 1], 1, heads)
            key, value = _heads(kv[:, start:end], 2, heads)
            mixed[:, text] = _products(query, key, value).flatten(1)
        return mixed


@dataclass(frozen=True, slots=True)
class AnyLength:
    """One call of a CUDA kernel that takes texts by where they begin; fp32, nothing padded.

    It is what scaled_dot_product_attention calls for nested tensors, and has no name of its own in
    torch's public interface: so torch is pinned, and no graph serves that does not agree with the
    forward it was recorded from. `offsets` int32 [models · texts + 1] say where each text begins in
    the rows of all models, end to end; `longest` bounds a text's rows.
    """

    offsets: Tensor
    first_offsets: Tensor
    """The same for the rows that only have each text's first."""
    longest: int

    def to(self, device: torch.device) -> AnyLength:
        """The same on a device."""
        return AnyLength(self.offsets.to(device), self.first_offsets.to(device), self.longest)

    def all_rows(self, qkv: Tensor, heads: int) -> Tensor:
        """Every row."""
        models, tokens, width = qkv.shape
        query, key, value = _flat(qkv, 3, heads)
        mixed = self._call(query, key, value, self.offsets, self.longest)
        return mixed.reshape(models, tokens, width // 3)

    def first_rows(self, queries: Tensor, kv: Tensor, heads: int) -> Tensor:
        """The first row of each text."""
        (query,) = _flat(queries, 1, heads)
        key, value = _flat(kv, 2, heads)
        return self._call(query, key, value, self.first_offsets, 1).reshape(queries.shape)

    def _call(self, q: Tensor, k: Tensor, v: Tensor, offsets: Tensor, longest: int) -> Tensor:
        mixed: Tensor = torch.ops.aten._efficient_attention_forward(
            q, k, v, None, offsets, self.offsets, longest, self.longest, 0.0, 0, False
        )[0]
        return mixed


def _heads(rows: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """Views [models, heads, rows, head width], one per part."""
    models, count, width = rows.shape
    split = rows.view(models, count, parts, heads, width // parts // heads)
    return split.permute(2, 0, 3, 1, 4).unbind(0)


def _products(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention by its definition: [models, heads, rows, head width]."""
    scale: float = query.shape[-1] ** -0.5
    scores = (query * scale) @ key.transpose(2, 3)
    return scores.softmax(-1) @ value


def _block(qkv: Tensor, heads: int, block: Block) -> Tensor:
    models, _, width = qkv.shape
    query, key, value = _grids(qkv, 3, heads, block)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=_mask(block, models))
    rows = mixed.transpose(1, 2).reshape(models, -1, width // 3)
    return rows if block.scatter is None else rows.index_select(1, block.scatter)


def _first(queries: Tensor, kv: Tensor, heads: int, block: Block) -> Tensor:
    models, texts, width = queries.shape
    key, value = _grids(kv, 2, heads, block)
    query = queries.reshape(models * texts, heads, 1, width // heads)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=_mask(block, models))
    return mixed.reshape(models, texts, width)


def _grids(rows: Tensor, parts: int, heads: int, block: Block) -> tuple[Tensor, ...]:
    """Grids [models · texts, heads, longest, head width], one per part."""
    own = rows[:, block.rows]
    cells = own if block.gather is None else own.index_select(1, block.gather)
    models, _, width = rows.shape
    grid = cells.view(models, -1, block.longest, parts, heads, width // parts // heads)
    return tuple(part.flatten(0, 1) for part in grid.permute(3, 0, 1, 4, 2, 5).unbind(0))


def _mask(block: Block, models: int) -> Tensor | None:
    if block.mask is None or models == 1:
        return block.mask
    return block.mask.repeat(models, 1, 1, 1)


def _flat(rows: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """Views [1, models · rows, heads, head width], one per part."""
    models, count, width = rows.shape
    return rows.view(1, models * count, parts, heads, width // parts // heads).unbind(2)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)
