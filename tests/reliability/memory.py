"""How much memory another process has taken at most, meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1 << 20


@dataclass
class Growth:
    """What the block of `peak_growth` has cost."""

    mib: float = 0.0
    """At most, meanwhile."""
    kept_mib: float = 0.0
    """Of it, still there at the end."""


@contextmanager
def peak_growth(pid: int) -> Iterator[Growth]:
    """The highest resident memory of a process during the block, above what it had before."""
    growth = Growth()
    before = psutil.Process(pid).memory_info().rss
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the kernel's own high-water mark, from here
    yield growth
    growth.mib = (_high_water(pid) - before) / MIB
    growth.kept_mib = (psutil.Process(pid).memory_info().rss - before) / MIB


def _high_water(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) << 10
