"""Where and how a row came to be: date, commit, machine, command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import psutil

from benchmarks.weights import ROOT
from chorus.load.tally import Meters


def meters(server_cpu: Callable[[], float]) -> Meters:
    """What a load generator reads at both edges of its window."""
    return Meters(server_cpu, _machine_cpu)


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


def _machine_cpu() -> float:
    """CPU seconds that all of the machine's processes have used; stolen time counts too."""
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    guests: float = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    # The kernel has counted guests in user time already.
    return float(sum(times)) - idle - guests


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
