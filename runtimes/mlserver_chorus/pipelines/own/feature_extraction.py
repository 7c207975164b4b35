"""Feature extraction: a vector per token as transformers' pipeline gives, or pooled to one."""

from __future__ import annotations

from typing import Any

import torch

from .checkpoint import Checkpoint
from .encoder import Encoder
from .options import Options, read
from .pooling import POOLINGS, finish
from .sentence_folder import Conventions, conventions


class FeatureExtraction:
    """Texts to nested lists 1 × tokens × size, or with `pooling` 1 × size."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        prompts = conventions(checkpoint.folder).prompts
        self._encoder = Encoder(checkpoint, Conventions(prompts=prompts))
        self.model = self._encoder.model
        self.tokenizer = self._encoder.tokenizer
        self._options = options

    def __call__(self, inputs: list[Any], **options: Any) -> list[Any]:
        """One nested list per text. Raises ValueError.

        `dimensions` and `normalize` are about each vector, be it a token's or the text's.
        """
        chosen = read(options, self._options)
        pooling = chosen.pop("pooling", None)
        shape = {
            "dimensions": chosen.pop("dimensions", None),
            "normalize": chosen.pop("normalize", False),
        }

        def features(hidden: torch.Tensor) -> torch.Tensor:
            return finish(POOLINGS[pooling](hidden) if pooling else hidden, **shape)

        return [[vectors.tolist()] for vectors in self._encoder.encode(inputs, features, **chosen)]


def load(task: str, checkpoint: Checkpoint, options: Options) -> FeatureExtraction:
    """The task on the checkpoint. Raises LoadError."""
    return FeatureExtraction(checkpoint, options)
