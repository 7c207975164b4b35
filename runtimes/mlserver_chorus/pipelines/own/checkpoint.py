"""A checkpoint folder on a device: its model, tokenizer and image processor."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer
from transformers.utils import logging

from ...engine.errors import LoadError
from ...engine.reasons import reason

# What transformers says of each call belongs to whoever writes the request, not into the log.
logging.set_verbosity_error()
logging.disable_progress_bar()
warnings.filterwarnings("ignore", module=r"transformers\.")

_LOCAL = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True)
class Checkpoint:
    """A folder to load from, without its code and without the network."""

    folder: Path
    device: str
    model_kwargs: dict[str, Any]
    tokenizer_folder: Path

    @cached_property
    def config(self) -> Any:
        """The model's configuration. Raises LoadError."""
        return self._read(AutoConfig)

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer. Raises LoadError."""
        try:
            return AutoTokenizer.from_pretrained(self.tokenizer_folder, **_LOCAL)
        except Exception as error:
            raise LoadError(f"no tokenizer could be loaded: {reason(error)}") from error

    def image_processor(self) -> Any:
        """What turns images into tensors, by Pillow: the other backend resizes differently."""
        return self._read(AutoImageProcessor, backend="pil")

    def inside(self, path: str) -> Checkpoint:
        """The checkpoint in a subfolder, with its own tokenizer unless another was asked for."""
        if self.tokenizer_folder != self.folder:
            return replace(self, folder=self.folder / path)
        return replace(self, folder=self.folder / path, tokenizer_folder=self.folder / path)

    def model(self, family: Any) -> Any:
        """The model of an Auto class, in eval mode and fp32, on the device.

        Raises LoadError, also when weights are missing; a pooler is not missed, for no task here
        reads one.
        """
        options = dict(self.model_kwargs)
        if not {"dtype", "torch_dtype"} & options.keys():
            options["dtype"] = torch.float32
        module, info = self._read(family, weights_only=True, output_loading_info=True, **options)
        missing = [name for name in sorted(info["missing_keys"]) if "pooler." not in name]
        missing += [str(key) for key in info["mismatched_keys"]]
        if missing:
            raise LoadError(
                f"{len(missing)} weights are missing or of the wrong shape, "
                f"the first is {missing[0]}"
            )
        placed = module if "device_map" in options else module.to(self.device)
        return placed.eval()

    def _read(self, family: Any, **options: Any) -> Any:
        try:
            return family.from_pretrained(self.folder, **_LOCAL, **options)
        except Exception as error:
            raise LoadError(
                f"{self.folder.name} cannot be loaded as {family.__name__}: {reason(error)}"
            ) from error
