"""Stage three: token ids to logits, through the stock transformers model, padded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from . import threads
from .packing import MAX_GRID, Ints, similar
from .types import Encoding, Logits


@dataclass(frozen=True, slots=True)
class Padded:
    """A batch as a few grids of similar length, each padded to its own longest text."""

    grids: list[dict[str, torch.Tensor]]
    """Input ids and attention mask, int64 [texts, longest], and type ids where they matter."""
    order: Ints
    """Which encoding each text was, so that answers can go back in the caller's order."""


@dataclass(frozen=True)
class PaddedCollator:
    """Sorts by length and pads; frozen, so that models with one tokenizer share the result."""

    pad_id: int

    def __call__(self, encodings: Sequence[Encoding]) -> Padded:
        """Pad a batch."""
        lengths = np.fromiter((len(e.ids) for e in encodings), np.int64, len(encodings))
        order = np.argsort(lengths, kind="stable")
        own = [encodings[number] for number in order]
        return Padded([self._grid(own[texts]) for texts in similar(lengths[order])], order)

    def tokens(self, rows: int, longest: int, total: int) -> int:
        """Padded positions, at most."""
        return min(rows * longest, int(MAX_GRID * total) + longest)

    def _grid(self, encodings: Sequence[Encoding]) -> dict[str, torch.Tensor]:
        shape = (len(encodings), len(encodings[-1].ids))
        ids = np.full(shape, self.pad_id, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if encodings[0].type_ids is not None:
            types = np.zeros(shape, dtype=np.int64)
            for row, encoding in enumerate(encodings):
                types[row, : len(encoding.ids)] = encoding.type_ids or 0
            inputs["token_type_ids"] = torch.from_numpy(types)
        return inputs


class PaddedForward:
    """The transformers model as it is."""

    runs_ahead = False

    def __init__(self, module: Any, device: torch.device, pad_id: int) -> None:
        self.threads = threads.MOST
        self._module = module
        self._device = device
        self.collate = PaddedCollator(pad_id)

    def start(self, batch: Padded) -> Callable[[], Logits]:
        """Begin with a batch; the result computes it."""
        return partial(self, batch)

    @torch.inference_mode()
    def __call__(self, batch: Padded) -> Logits:
        """Logits float32 [texts, labels] on the host, in the order of the encodings."""
        threads.use(self.threads)
        logits = torch.cat([self._logits(grid) for grid in batch.grids]).float().cpu().numpy()
        answers = np.empty_like(logits)
        answers[batch.order] = logits
        return answers

    def _logits(self, grid: dict[str, torch.Tensor]) -> torch.Tensor:
        on_device = {name: value.to(self._device) for name, value in grid.items()}
        logits: torch.Tensor = self._module(**on_device).logits
        return logits
