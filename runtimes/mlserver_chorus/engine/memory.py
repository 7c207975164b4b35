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
    # A function of glibc; the allocators of other systems keep less.
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


def empty_cache() -> None:
    """Free what torch keeps of a GPU's memory for later, if torch has a GPU."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
