"""Memory that nobody uses any more, back to the system."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_STATM: Final = Path("/proc/self/statm")


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
    if cuda := _cuda_in_use():
        cuda.empty_cache()


def held() -> Iterator[tuple[str, str, int]]:
    """Device, kind and bytes of what this process holds, and each GPU's total beside it.

    Where the system does not tell, as on macOS, there is nothing of the CPU's.
    """
    if _STATM.exists():
        yield "cpu", "resident", int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if cuda := _cuda_in_use():
        for number in range(cuda.device_count()):
            device = f"cuda:{number}"
            yield device, "allocated", cuda.memory_allocated(number)
            yield device, "reserved", cuda.memory_reserved(number)
            yield device, "total", cuda.get_device_properties(number).total_memory


def _cuda_in_use() -> Any:
    """The part of torch for GPUs, if this process computes on one."""
    torch: Any = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None
