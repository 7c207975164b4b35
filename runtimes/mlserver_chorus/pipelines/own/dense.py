"""The linear layer that some sentence-transformers folders have after their pooling."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from safetensors.torch import load_file

from ...engine.errors import LoadError
from .checkpoint import Checkpoint

_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Identity": lambda vectors: vectors,
    "Tanh": torch.tanh,
}


@dataclass(frozen=True)
class Dense:
    """`activation(weight @ vector + bias)`."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    activation: Callable[[torch.Tensor], torch.Tensor]

    @classmethod
    def of(cls, checkpoint: Checkpoint, path: str) -> Dense:
        """The layer of a subfolder, on the device. Raises LoadError."""
        folder = checkpoint.folder / path
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            activation = config["activation_function"].rpartition(".")[2]
            safe = folder / "model.safetensors"
            weights = (
                load_file(safe)
                if safe.is_file()
                else torch.load(folder / "pytorch_model.bin", weights_only=True)
            )
            return cls(
                weights["linear.weight"].float().to(checkpoint.device),
                weights["linear.bias"].float().to(checkpoint.device) if config["bias"] else None,
                _ACTIVATIONS[activation],
            )
        except (OSError, KeyError, ValueError) as error:
            raise LoadError(f"{checkpoint.folder.name}/{path} is no dense layer") from error

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """`[batch, in]` to `[batch, out]`."""
        return self.activation(torch.nn.functional.linear(vectors, self.weight, self.bias))
