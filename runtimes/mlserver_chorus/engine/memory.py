"""Memory that nobody uses any more, back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any


def give_back() -> None:
    """Free what has been dropped and hand it to the system and the GPU; a tenth of a second.

    Without it the allocators keep the memory for later: a server that reloads a model would hold
    it twice for good. Never on an event loop.
    """
    gc.collect()
    empty_cache()
    trim()


def trim() -> None:
    """Hand what the allocator keeps for later to the system; some milliseconds, on no event loop.

    Batches of ever other sizes leave holes in it: under load it grew by hundreds of MiB in minutes,
    most of them free.
    """
    # Only glibc keeps so much, and has this.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def empty_cache() -> None:
    """Free what torch keeps of a GPU's memory for later, if torch has a GPU."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
