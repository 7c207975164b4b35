"""Why another library could not load a checkpoint, in one line."""

from __future__ import annotations

import pickle

_MOST_CHARS = 300


def reason(error: Exception) -> str:
    """The first line of what it says, or what is to be done where it advises to run code."""
    if isinstance(error, pickle.UnpicklingError):
        return "its .bin file holds something else than tensors; save the weights as safetensors"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(char for char in lines[0][:_MOST_CHARS] if char.isprintable())
