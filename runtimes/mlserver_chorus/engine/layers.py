"""The layers of BERT's family over packed rows, for one model or for several side by side.

Rows are [models, tokens, width]. One model's weights are those of its transformers module; several
models' are stacked along a first axis, so that one product serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from . import activation
from .packing import Packed


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation over the last axis."""

    weight: Tensor
    bias: Tensor
    eps: float

    @classmethod
    def of(cls, module: Any) -> Norm:
        return cls(module.weight.detach(), module.bias.detach(), module.eps)

    @classmethod
    def stack(cls, norms: Sequence[Norm]) -> Norm:
        """Several models' in one; `only` gives them back, on the same memory."""
        weight, bias = (torch.stack(t).unsqueeze(1) for t in _pairs(norms))
        return cls(weight, bias, norms[0].eps)

    def only(self, model: int) -> Norm:
        """One of the stacked models'."""
        return Norm(self.weight[model, 0], self.bias[model, 0], self.eps)

    def __call__(self, x: Tensor) -> Tensor:
        if self.weight.dim() == 1:
            return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        return torch.addcmul(self.bias, F.layer_norm(x, x.shape[-1:], eps=self.eps), self.weight)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, module: Any) -> Linear:
        return cls(module.weight.detach(), module.bias.detach())

    @classmethod
    def stack(cls, linears: Sequence[Linear]) -> Linear:
        """Several models' in one; `only` gives them back, on the same memory."""
        weights, biases = _pairs(linears)
        return cls(torch.stack(weights), torch.stack(biases).unsqueeze(1))

    def only(self, model: int) -> Linear:
        """One of the stacked models'."""
        return Linear(self.weight[model], self.bias[model, 0])

    def part(self, rows: slice) -> Linear:
        """Some of its outputs."""
        return Linear(self.weight[..., rows, :], self.bias[..., rows])

    def __call__(self, x: Tensor) -> Tensor:
        if self.weight.dim() == 2:
            return F.linear(x, self.weight, self.bias)
        return torch.baddbmm(self.bias, x, self.weight.mT)


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoder layer."""

    qkv: Linear
    """Query, key and value in one product."""
    attention_out: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    norm: Norm
    activation: Callable[[Tensor], Tensor]
    heads: int

    @classmethod
    def of(cls, module: Any, heads: int) -> Layer:
        attention, out = module.attention.self, module.attention.output
        up = Linear.of(module.intermediate.dense)
        return cls(
            qkv=_fused(attention.query, attention.key, attention.value),
            attention_out=Linear.of(out.dense),
            attention_norm=Norm.of(out.LayerNorm),
            up=up,
            down=Linear.of(module.output.dense),
            norm=Norm.of(module.output.LayerNorm),
            activation=activation.of(module.intermediate.intermediate_act_fn, up.weight.device),
            heads=heads,
        )

    @classmethod
    def stack(cls, layers: Sequence[Layer]) -> Layer:
        """Several models' in one; `only` gives them back, on the same memory."""
        return replace(
            layers[0],
            qkv=Linear.stack([layer.qkv for layer in layers]),
            attention_out=Linear.stack([layer.attention_out for layer in layers]),
            attention_norm=Norm.stack([layer.attention_norm for layer in layers]),
            up=Linear.stack([layer.up for layer in layers]),
            down=Linear.stack([layer.down for layer in layers]),
            norm=Norm.stack([layer.norm for layer in layers]),
        )

    def only(self, model: int) -> Layer:
        """One of the stacked models'."""
        return replace(
            self,
            qkv=self.qkv.only(model),
            attention_out=self.attention_out.only(model),
            attention_norm=self.attention_norm.only(model),
            up=self.up.only(model),
            down=self.down.only(model),
            norm=self.norm.only(model),
        )

    def __call__(self, x: Tensor, batch: Packed) -> Tensor:
        """All rows [models, tokens, width]."""
        return self._finish(x, batch.attention.all_rows(self.qkv(x), self.heads))

    def first_rows(self, x: Tensor, batch: Packed) -> Tensor:
        """The first row of each text only, [models, texts, width]."""
        width = x.shape[2]
        rows = x.index_select(1, batch.starts)
        queries = self.qkv.part(slice(width))(rows)
        kv = self.qkv.part(slice(width, None))(x)
        return self._finish(rows, batch.attention.first_rows(queries, kv, self.heads))

    def _finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        attended = self.attention_norm(self.attention_out(mixed).add_(x))
        return self.norm(self.down(self.activation(self.up(attended))).add_(attended))


@dataclass(frozen=True, slots=True)
class Head:
    """The classifier on each text's first row: RoBERTa's own, or BERT's pooler and its linear."""

    dense: Linear
    out: Linear
    labels: tuple[int, ...]
    """How many each model has; fewer than the stacked product's are padded."""

    @classmethod
    def of(cls, base: Any, classifier: Any) -> Head:
        pooler = getattr(base, "pooler", None)
        dense, out = (
            (pooler.dense, classifier) if pooler else (classifier.dense, classifier.out_proj)
        )
        return cls(Linear.of(dense), Linear.of(out), (out.out_features,))

    @classmethod
    def stack(cls, heads: Sequence[Head]) -> Head:
        """Several models' in one."""
        labels = tuple(count for head in heads for count in head.labels)
        padded = [_padded(head.out, max(labels)) for head in heads]
        return cls(Linear.stack([head.dense for head in heads]), Linear.stack(padded), labels)

    def __call__(self, first: Tensor) -> Tensor:
        """Logits [texts, labels of the first model … labels of the last]."""
        logits = self.out(torch.tanh(self.dense(first)))
        return torch.cat([rows[:, :n] for rows, n in zip(logits, self.labels, strict=True)], 1)


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


def _pairs(parts: Sequence[Linear] | Sequence[Norm]) -> tuple[list[Tensor], list[Tensor]]:
    return [part.weight for part in parts], [part.bias for part in parts]


def _padded(out: Linear, labels: int) -> Linear:
    more = labels - out.bias.shape[0]
    return Linear(F.pad(out.weight, (0, 0, 0, more)), F.pad(out.bias, (0, more)))
