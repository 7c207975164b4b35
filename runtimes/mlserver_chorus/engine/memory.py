"""Memory that nobody uses any more, back to the system."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from typing import Any

# From <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_CHOSEN = "MALLOC_MMAP_THRESHOLD_"


def keep_small() -> None:
    """Have large blocks mapped one by one; to be called before much is allocated.

    Left to itself glibc keeps blocks of up to 32 MiB in heaps of 64, whose holes rarely fit the
    next batch: 190 MiB in use became 2.3 GiB within a minute of full load (docs/experiments.md).
    Who has chosen a threshold in the environment keeps it.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None and _CHOSEN not in os.environ:
        mallopt(_MMAP_THRESHOLD, 2 << 20)
        mallopt(_TRIM_THRESHOLD, 512 << 20)


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
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _glibc(name: str) -> Any:
    """A function of glibc; None on other systems, whose allocators keep less."""
    return getattr(ctypes.CDLL(None), name, None)


def empty_cache() -> None:
    """Free what torch keeps of a GPU's memory for later, if torch has a GPU."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
