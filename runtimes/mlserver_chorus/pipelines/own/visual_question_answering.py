"""Questions about images: classified over known answers (ViLT) or generated (BLIP)."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForVisualQuestionAnswering

from . import limits
from .checkpoint import Checkpoint
from .generation import generate, lengths
from .images import rgb
from .options import Options, read
from .rows import encode, tensors

_BEST = 5  # answers unless the request says how many, as in transformers' pipeline


class VisualQuestionAnswering:
    """`{"image", "question"}` to `[{"score", "answer"}, …]`, or `[{"answer"}]` where generated."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self.tokenizer = checkpoint.tokenizer
        self.model = checkpoint.model(AutoModelForVisualQuestionAnswering)
        self._processor = checkpoint.image_processor()
        self._options = options
        self._limit = limits.comfortable(self.model, self.tokenizer)
        # 4.41 closed the gaps before punctuation unless the tokenizer's own settings forbade it.
        self._clean = self.tokenizer.init_kwargs.get("clean_up_tokenization_spaces", True)

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One list of answers per input, best first. Raises ValueError."""
        count = read(options, self._options).get("top_k", _BEST)
        answer = self._generated if self.model.can_generate() else self._classified
        return [answer(self._features(item), count) for item in inputs]

    def _features(self, item: Any) -> dict[str, Any]:
        if not isinstance(item, dict) or not isinstance(item.get("question"), str):
            raise ValueError("the input must be an object with image and question")
        if not item["question"]:
            raise ValueError("question must not be empty")
        row = encode(self.tokenizer, item["question"], limit=self._limit)
        if self.model.can_generate():
            row.pop("token_type_ids", None)  # `generate` would refuse them
        features = self._processor(images=rgb(item.get("image")), return_tensors="pt")
        features = features.to(self.model.device, self.model.dtype)
        return {**tensors(self.model, [row]), **features}

    def _classified(self, features: dict[str, Any], count: int) -> list[dict[str, Any]]:
        with torch.inference_mode():
            scores = self.model(**features).logits[0].float().sigmoid()
        best = scores.topk(min(count, len(scores)))
        labels = self.model.config.id2label
        return [
            {"score": score, "answer": labels[index]}
            for score, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]

    def _generated(self, features: dict[str, Any], count: int) -> list[dict[str, Any]]:
        settings = lengths(self.model, {}, prompt=1, limit=limits.writable(self.model))
        return [
            {
                "answer": self.tokenizer.decode(
                    ids, skip_special_tokens=True, clean_up_tokenization_spaces=self._clean
                ).strip()
            }
            for ids in generate(self.model, features, settings)
        ]


def load(task: str, checkpoint: Checkpoint, options: Options) -> VisualQuestionAnswering:
    """The task on the checkpoint. Raises LoadError."""
    return VisualQuestionAnswering(checkpoint, options)
