"""Stage three for BERT's family: no padding anywhere, and nothing computed that nobody reads.

Every linear layer sees real tokens only (packing.py). The last layer computes keys and values for
all tokens, and everything else for the first token of each text: the only row that the head reads.
Weights and activation are those of the loaded transformers module. Models of one shape that read
the same tokens can run side by side, with one call per operation for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from . import threads
from .graphs import Graphs
from .layers import Head, Layer, Norm
from .packing import Packed, PackedCollator
from .types import Logits

# From this width on a CPU a text's attention is worth calls of its own (docs/experiments.md).
WIDE = 512


class NotPackable(Exception):
    """The module is not built like BERT, RoBERTa or XLM-R."""


@dataclass(eq=False, repr=False)
class PackedForward:
    """BERT, RoBERTa or XLM-R with a classification head, one or several, over packed texts."""

    words: list[Tensor]
    """Each model's word embeddings; never stacked, for they are most of a model's weights."""
    positions: Tensor
    norm: Norm
    layers: list[Layer]
    head: Head
    collate: PackedCollator
    device: torch.device
    threads: int = threads.MOST
    graphs: Graphs | None = None

    @classmethod
    def of(cls, module: Any, device: torch.device) -> PackedForward:
        """The forward of one transformers module. Raises NotPackable."""
        try:
            base = getattr(module, module.base_model_prefix)
            heads = module.config.num_attention_heads
            embeddings = base.embeddings
            layers = [Layer.of(layer, heads) for layer in base.encoder.layer]
            if not layers:
                raise NotPackable("it has no layers")
            # A single text is all of type 0, so that its row may be added once, here.
            types = embeddings.token_type_embeddings.weight.detach()
            return cls(
                words=[embeddings.word_embeddings.weight.detach()],
                positions=embeddings.position_embeddings.weight.detach() + types[0],
                norm=Norm.of(embeddings.LayerNorm),
                layers=layers,
                head=Head.of(base, module.classifier),
                collate=PackedCollator(
                    embeddings.position_embeddings.padding_idx,
                    text_by_text=device.type == "cpu" and module.config.hidden_size >= WIDE,
                ),
                device=device,
            )
        except AttributeError as error:
            raise NotPackable(str(error)) from error

    @classmethod
    @torch.inference_mode()
    def merged(cls, forwards: Sequence[PackedForward]) -> PackedForward:
        """Forwards of one shape as one; each goes on working, on views of the stacked weights."""
        layers = []
        for number in range(len(forwards[0].layers)):
            # Layer by layer, so that never more than one layer is in memory twice.
            stacked = Layer.stack([forward.layers[number] for forward in forwards])
            for model, forward in enumerate(forwards):
                forward.graphs = None  # they read the memory that is left here
                forward.layers[number] = stacked.only(model)
            layers.append(stacked)
        return cls(
            words=[forward.words[0] for forward in forwards],
            positions=torch.stack([forward.positions for forward in forwards]),
            norm=Norm.stack([forward.norm for forward in forwards]),
            layers=layers,
            head=Head.stack([forward.head for forward in forwards]),
            collate=forwards[0].collate,
            device=forwards[0].device,
        )

    @torch.inference_mode()
    def unshare(self) -> None:
        """Copy the layers out of whatever they are views of."""
        self.graphs = None
        for number, layer in enumerate(self.layers):
            self.layers[number] = Layer.stack([layer]).only(0)

    @property
    def shape(self) -> Hashable:
        """What forwards must have in common to be merged."""
        first = self.layers[0]
        return (
            self.collate,
            self.device,
            self.positions.shape,
            self.norm.eps,
            len(self.layers),
            first.heads,
            first.up.weight.shape,
            # Modules of one class and with the same settings print alike.
            repr(first.activation),
        )

    def start(self, batch: Packed) -> Callable[[], Logits]:
        """Begin with a batch; the result computes what is not computed yet, and waits."""
        graph = self.graphs.fitting(batch) if self.graphs else None
        return graph.start(batch) if graph else partial(self, batch)

    @property
    def runs_ahead(self) -> bool:
        """Whether the device computes a batch that was started while the host does other work."""
        return self.graphs is not None

    @torch.inference_mode()
    def __call__(self, batch: Packed) -> Logits:
        """Logits float32 [texts, labels] on the host, in the order of the encodings.

        Of several models the labels stand side by side, the first model's first.
        """
        threads.use(self.threads)
        return batch.in_order(self.logits(batch.to(self.device)).cpu())

    def logits(self, batch: Packed) -> Tensor:
        """Logits [texts, labels] where the batch is, its texts in their own order."""
        x = self.norm(self._embed(batch))
        for layer in self.layers[:-1]:
            x = layer(x, batch)
        return self.head(self.layers[-1].first_rows(x, batch))

    def _embed(self, batch: Packed) -> Tensor:
        x = self.positions.new_empty(len(self.words), len(batch.ids), self.positions.shape[-1])
        for model, words in enumerate(self.words):
            torch.index_select(words, 0, batch.ids, out=x[model])
        return x.add_(self.positions.index_select(-2, batch.positions))
