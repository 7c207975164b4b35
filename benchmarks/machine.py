"""Where and how a row came to be: date, commit, machine, command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

from benchmarks.weights import ROOT


def circumstances(device: str = "cpu") -> dict[str, str]:
    """What every row carries, for programs started with this process's arguments."""
    return {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": machine(device),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
    }


def commit() -> str:
    """The checkout's short commit, `-dirty` if a tracked file differs; `unknown` outside of git."""
    head = _output(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"])
    changes = _output(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return f"{head or 'unknown'}{'-dirty' * bool(changes)}"


def machine(device: str) -> str:
    """CPU model and cores, and the GPU with its driver when that is what computes."""
    cpu = f"{len(all_cores())} cores, {_cpu_model()}"
    if not device.startswith("cuda"):
        return cpu
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    return f"{cpu}; GPU {_output(query).replace(chr(10), '; ') or 'unknown'}"


def all_cores() -> set[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _output(command: list[str]) -> str:
    """What a command prints; nothing if it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
