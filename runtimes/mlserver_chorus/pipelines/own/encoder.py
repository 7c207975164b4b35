"""Texts to token vectors, with what a request may say about it: prompts and truncation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoModel, AutoModelForTextEncoding
from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES

from . import limits
from .checkpoint import Checkpoint
from .rows import encode, forward
from .sentence_folder import Conventions


class Encoder:
    """A text model without a head, and the conventions that its texts follow."""

    def __init__(self, checkpoint: Checkpoint, conventions: Conventions) -> None:
        self.conventions = conventions
        self.tokenizer = checkpoint.tokenizer
        # T5's AutoModel would want something to decode, this is its encoder.
        text_only = checkpoint.config.model_type in MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES
        family = AutoModelForTextEncoding if text_only else AutoModel
        self.model = checkpoint.model(family)
        limit = limits.comfortable(self.model, self.tokenizer)
        self._limit = min(limit, conventions.most_tokens or limit)

    def encode(
        self,
        texts: list[Any],
        read: Callable[[torch.Tensor], torch.Tensor],
        *,
        prompt_name: str | None = None,
        truncate: bool = True,
        truncation_direction: str = "right",
    ) -> list[torch.Tensor]:
        """What `read` makes of `[batch, tokens, size]`, one tensor per text. Raises ValueError."""
        prompt = self._prompt(prompt_name)
        self.tokenizer.truncation_side = truncation_direction
        rows = [self._row(prompt, text, truncate=truncate) for text in texts]
        return forward(self.model, rows, lambda output: read(output[0]))

    def _prompt(self, name: str | None) -> str:
        prompts = self.conventions.prompts
        if name is None:
            return ""
        if name not in prompts:
            listed = ", ".join(sorted(prompts)) or "none"
            raise ValueError(f"prompt_name is unknown to this model; it knows {listed}")
        return prompts[name]

    def _row(self, prompt: str, text: Any, *, truncate: bool) -> dict[str, list[int]]:
        if not isinstance(text, str):
            raise ValueError("the input must be a string")
        text = prompt + (text.lower() if self.conventions.lower_case else text)
        if not truncate and len(self.tokenizer(text)["input_ids"]) > self._limit:
            raise ValueError(f"the input has more than {self._limit} tokens; set truncate to true")
        return encode(self.tokenizer, text, limit=self._limit)
