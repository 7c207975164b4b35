"""Stage three for BERT's family: no padding anywhere, and nothing computed that nobody reads.

Every linear layer sees real tokens only (packing.py). The last layer computes keys and values for
all tokens, and everything else for the first token of each text: the only row that the head reads.
Weights, activation and head are those of the loaded transformers module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from . import threads
from .packing import Block, Packed, PackedCollator
from .types import Logits


class NotPackable(Exception):
    """The module is not built like BERT, RoBERTa or XLM-R."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation over the last axis."""

    weight: Tensor
    bias: Tensor
    eps: float

    @classmethod
    def of(cls, module: Any) -> Norm:
        return cls(module.weight.detach(), module.bias.detach(), module.eps)

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, module: Any) -> Linear:
        return cls(module.weight.detach(), module.bias.detach())

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def part(self, rows: slice) -> Linear:
        """Some of its outputs."""
        return Linear(self.weight[rows], self.bias[rows])


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoder layer over packed rows."""

    qkv: Linear
    """Query, key and value in one product."""
    attention_out: Linear
    attention_norm: Norm
    up: Linear
    activation: Callable[[Tensor], Tensor]
    down: Linear
    norm: Norm
    heads: int

    @classmethod
    def of(cls, module: Any, heads: int) -> Layer:
        attention, out = module.attention.self, module.attention.output
        return cls(
            qkv=_fused(attention.query, attention.key, attention.value),
            attention_out=Linear.of(out.dense),
            attention_norm=Norm.of(out.LayerNorm),
            up=Linear.of(module.intermediate.dense),
            activation=module.intermediate.intermediate_act_fn,
            down=Linear.of(module.output.dense),
            norm=Norm.of(module.output.LayerNorm),
            heads=heads,
        )

    def __call__(self, x: Tensor, batch: Packed) -> Tensor:
        """All rows [tokens, width]."""
        qkv = self.qkv(x)
        return self._finish(x, _joined([self._attend(qkv, block) for block in batch.blocks]))

    def first_rows(self, x: Tensor, batch: Packed) -> Tensor:
        """The first row of each text only, [texts, width]."""
        width = x.shape[1]
        rows = x.index_select(0, batch.starts)
        queries = self.qkv.part(slice(width))(rows)
        kv = self.qkv.part(slice(width, None))(x)
        mixed = [self._attend_first(queries[b.texts], kv, b) for b in batch.blocks]
        return self._finish(rows, _joined(mixed))

    def _attend(self, qkv: Tensor, block: Block) -> Tensor:
        query, key, value = self._split(qkv, 3, block)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=block.mask)
        rows = mixed.transpose(1, 2).reshape(-1, qkv.shape[1] // 3)
        return rows if block.scatter is None else rows.index_select(0, block.scatter)

    def _attend_first(self, queries: Tensor, kv: Tensor, block: Block) -> Tensor:
        key, value = self._split(kv, 2, block)
        texts, width = queries.shape
        query = queries.view(texts, self.heads, 1, width // self.heads)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=block.mask)
        return mixed.reshape(texts, width)

    def _split(self, rows: Tensor, parts: int, block: Block) -> tuple[Tensor, ...]:
        """Grids [texts, heads, longest, head width], one per part."""
        own = rows[block.rows]
        cells = own if block.gather is None else own.index_select(0, block.gather)
        head_width = rows.shape[1] // parts // self.heads
        grid = cells.view(-1, block.longest, parts, self.heads, head_width)
        return grid.permute(2, 0, 3, 1, 4).unbind(0)

    def _finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        attended = self.attention_norm(self.attention_out(mixed).add_(x))
        return self.norm(self.down(self.activation(self.up(attended))).add_(attended))


class PackedForward:
    """BERT, RoBERTa or XLM-R with a classification head, over packed texts."""

    def __init__(self, module: Any, device: torch.device) -> None:
        try:
            base = getattr(module, module.base_model_prefix)
            heads = module.config.num_attention_heads
            self._layers = [Layer.of(layer, heads) for layer in base.encoder.layer]
            embeddings = base.embeddings
            self._words = embeddings.word_embeddings.weight.detach()
            # A single text is all of type 0, so that its row may be added once, here.
            types = embeddings.token_type_embeddings.weight.detach()
            self._positions = embeddings.position_embeddings.weight.detach() + types[0]
            self._norm = Norm.of(embeddings.LayerNorm)
            self._pooler = getattr(base, "pooler", None)
            self._classifier = module.classifier
        except AttributeError as error:
            raise NotPackable(str(error)) from error
        self._device = device
        self.threads = threads.MOST
        self.collate = PackedCollator(embeddings.position_embeddings.padding_idx)

    @torch.inference_mode()
    def __call__(self, batch: Packed) -> Logits:
        """Logits float32 [texts, labels] on the host, in the order of the encodings."""
        threads.use(self.threads)
        on_device = batch.to(self._device)
        x = F.embedding(on_device.ids, self._words)
        x = self._norm(x.add_(F.embedding(on_device.positions, self._positions)))
        for layer in self._layers[:-1]:
            x = layer(x, on_device)
        first = self._layers[-1].first_rows(x, on_device).unsqueeze(1)
        logits: Tensor = self._classifier(self._pooler(first) if self._pooler else first)
        answers = np.empty(tuple(logits.shape), np.float32)
        answers[batch.order] = logits.float().cpu().numpy()
        return answers


def _fused(*modules: Any) -> Linear:
    """Several linear layers as one; the modules keep working, on views of the same memory."""
    weight = torch.cat([module.weight.detach() for module in modules])
    bias = torch.cat([module.bias.detach() for module in modules])
    start = 0
    for module in modules:
        end = start + module.out_features
        module.weight.data, module.bias.data = weight[start:end], bias[start:end]
        start = end
    return Linear(weight, bias)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
