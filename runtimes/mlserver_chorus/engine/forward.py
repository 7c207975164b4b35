"""Stage three: token ids to logits, through the stock transformers model, padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import threads
from .types import Encoding, Logits


@dataclass(frozen=True)
class PaddedCollator:
    """Rows padded to the longest; frozen, so that models with one tokenizer share the result."""

    pad_id: int

    def __call__(self, encodings: Sequence[Encoding]) -> dict[str, torch.Tensor]:
        """Input ids and attention mask, int64 [rows, longest], and type ids where they matter."""
        shape = (len(encodings), max(len(e.ids) for e in encodings))
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

    def tokens(self, rows: int, longest: int, total: int) -> int:
        """Padded positions: every row costs as much as the longest."""
        return rows * longest


class PaddedForward:
    """The transformers model as it is."""

    def __init__(self, module: Any, device: torch.device, pad_id: int) -> None:
        self.threads = threads.MOST
        self._module = module
        self._device = device
        self.collate = PaddedCollator(pad_id)

    @torch.inference_mode()
    def __call__(self, inputs: dict[str, torch.Tensor]) -> Logits:
        """Logits float32 [rows, labels] on the host."""
        threads.use(self.threads)
        on_device = {name: value.to(self._device) for name, value in inputs.items()}
        logits: torch.Tensor = self._module(**on_device).logits
        return logits.float().cpu().numpy()
