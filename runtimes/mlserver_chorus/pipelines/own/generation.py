"""`generate` as the tasks use it: within the model's positions, by chance that can be fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..chance import seeded

# transformers 4.41 wrote this many tokens, the start or prompt included, where neither the request
# nor the checkpoint said how many; answers are to be as long as its pipelines' were.
DEFAULT_LENGTH = 20


def lend_padding(model: Any, tokenizer: Any) -> None:
    """Give the model the tokenizer's padding id where it states none, as pipelines do."""
    if model.generation_config.pad_token_id is None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id


def lengths(model: Any, options: Mapping[str, Any], *, prompt: int, limit: int) -> dict[str, int]:
    """`max_new_tokens` or `max_length` as the request or the checkpoint sets it, within `limit`.

    `prompt` tokens stand before the first generated one, and `limit` counts them too.
    """
    stated = model.generation_config
    if "max_new_tokens" in options:
        return {"max_new_tokens": min(options["max_new_tokens"], limit - prompt)}
    if "max_length" not in options and stated.max_new_tokens is not None:
        return {"max_new_tokens": min(stated.max_new_tokens, limit - prompt)}
    length = options.get("max_length") or stated.max_length or DEFAULT_LENGTH
    return {"max_length": min(length, limit)}


def generate(model: Any, inputs: Mapping[str, Any], options: Mapping[str, Any]) -> list[list[int]]:
    """The token ids of each sequence generated for one input; `seed` makes chance repeatable.

    Raises ValueError, in one line, for options that do not go together.
    """
    settings = {name: value for name, value in options.items() if name != "seed"}
    try:
        with seeded(model.device, options.get("seed")), torch.inference_mode():
            sequences: list[list[int]] = model.generate(**inputs, **settings).tolist()
    except ValueError as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    return sequences
