"""What a failed forward pass is to blame on: its texts, the memory, the device, or our own code."""

from __future__ import annotations

import sys
from enum import Enum, auto
from typing import Any


class WrongRows(Exception):
    """A forward gave other rows than one per text: none of them can be told whose it is."""


class Kind(Enum):
    """What to do about a failure depends on nothing else."""

    TEXT = auto()
    """Or anything unknown: the guilty text is found by halves."""
    MEMORY = auto()
    """Fewer texts at a time may do."""
    ROWS = auto()
    """A bug of ours; another try would answer with the same right to be believed."""
    DEVICE = auto()
    """Every later pass would fail too."""


# How torch's own messages begin; never searched for further on, where a message may quote input.
_NO_MEMORY = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED",
    "DefaultCPUAllocator: can't allocate memory",
)
_CPU_ALLOCATOR = "[enforce fail at alloc_cpu.cpp"
_CUDA, _CUBLAS = "CUDA error:", "CUDA error: CUBLAS"


def kind_of(error: BaseException) -> Kind:
    """What kind of failure an exception of a forward pass is. On the device's thread."""
    torch: Any = sys.modules.get("torch")
    words = str(error) if isinstance(error, RuntimeError) else ""
    if isinstance(error, WrongRows):
        return Kind.ROWS
    if isinstance(error, (MemoryError, getattr(torch, "OutOfMemoryError", MemoryError))):
        return Kind.MEMORY
    if words.startswith((*_NO_MEMORY, _CPU_ALLOCATOR)):
        return Kind.MEMORY
    accelerator = isinstance(error, getattr(torch, "AcceleratorError", ()))
    if accelerator or (words.startswith(_CUDA) and not words.startswith(_CUBLAS)):
        return Kind.DEVICE if _sticks(torch) else Kind.TEXT
    return Kind.TEXT


def _sticks(torch: Any) -> bool:
    """Whether the device is lost to this process; some errors are over with the call they met."""
    if torch is None or not torch.cuda.is_initialized():
        return True
    try:
        torch.cuda.synchronize()
    except Exception:
        return True
    return False
