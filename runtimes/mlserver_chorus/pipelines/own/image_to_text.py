"""Captions of images, by encoder-decoders of images and text, BLIP and GIT."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForImageTextToText

from . import limits
from .checkpoint import Checkpoint
from .generation import generate, lend_padding, lengths
from .images import rgb
from .options import Options, read
from .rows import encode, tensors


class ImageToText:
    """Images to `[{"generated_text": str}, …]`, one item per returned sequence."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self.tokenizer = checkpoint.tokenizer
        self.model = checkpoint.model(AutoModelForImageTextToText)
        self._processor = checkpoint.image_processor()
        self._options = options
        # 4.41 closed the gaps before punctuation unless the tokenizer's own settings forbade it.
        self._clean = self.tokenizer.init_kwargs.get("clean_up_tokenization_spaces", True)
        lend_padding(self.model, self.tokenizer)

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One list of captions per image. Raises ValueError."""
        chosen = read(options, self._options)
        prompt = self._prompt(chosen.pop("prompt", None))
        known = len(prompt["input_ids"][0]) if prompt else 1
        limit = limits.writable(self.model)
        settings = {**chosen, **lengths(self.model, chosen, prompt=known, limit=limit)}
        return [
            [
                {"generated_text": self._decode(ids)}
                for ids in generate(self.model, {**self._pixels(image), **prompt}, settings)
            ]
            for image in inputs
        ]

    def _pixels(self, image: Any) -> dict[str, Any]:
        features = self._processor(images=rgb(image), return_tensors="pt")
        return {"pixel_values": features["pixel_values"].to(self.model.device, self.model.dtype)}

    def _prompt(self, prompt: str | None) -> dict[str, Any]:
        """The words that the caption begins with, as the model's inputs; BLIP and GIT take them."""
        if prompt is None:
            return {}
        kind = self.model.config.model_type
        if kind not in ("blip", "git"):
            raise ValueError("this model takes no prompt")
        row = encode(self.tokenizer, prompt, limit=limits.writable(self.model) // 2)
        if kind == "git":  # which ends its texts with a token that must not stand before the rest
            row = {name: values[:-1] for name, values in row.items()}
        row.pop("token_type_ids", None)
        return tensors(self.model, [row])

    def _decode(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=self._clean
        )
        return text


def load(task: str, checkpoint: Checkpoint, options: Options) -> ImageToText:
    """The task on the checkpoint. Raises LoadError."""
    return ImageToText(checkpoint, options)
