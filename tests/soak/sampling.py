"""What the processes of the server hold: memory, descriptors, threads, every few seconds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from time import perf_counter
from typing import NamedTuple

import psutil

MIB = 1 << 20
ROLES = {"mlserver_chorus.server": "runtime", "chorus_gateway": "gateway", "chorus": "supervisor"}
"""By the module that a process runs."""


class ServerGone(Exception):
    """No process of the server is left."""


class Held(NamedTuple):
    """What one process holds."""

    rss_mib: float
    pss_mib: float
    descriptors: int
    """Without the connections of clients that are still there: those come and go by themselves."""
    threads: int
    cpu_s: float


class Sample(NamedTuple):
    """All processes at one moment; `seconds` is since the start of the load."""

    seconds: float
    held: dict[str, Held]
    """By role and process id; only those that could be read."""
    others_cpu_s: float
    """CPU seconds that the rest of the machine has used so far."""


class Sampler:
    """Samples a tree of processes until it is cancelled. Raises ServerGone."""

    def __init__(self, root: int, every: float) -> None:
        self.samples: list[Sample] = []
        self._root = psutil.Process(root)
        self._every = every
        self._begin = perf_counter()

    async def run(self) -> None:
        """Take a sample at once and then every few seconds."""
        while True:
            self.samples.append(await asyncio.to_thread(self._sample))
            await asyncio.sleep(self._every)

    def _sample(self) -> Sample:
        ours = psutil.Process()
        clients = {one.laddr.port for one in ours.net_connections("tcp")}
        held = {}
        for process in self._tree():
            # A process that ends meanwhile has no line in this sample, and the verdict says so.
            with suppress(psutil.NoSuchProcess):
                held[f"{_role(process.cmdline())} {process.pid}"] = _held(process, clients)
        if not held:
            raise ServerGone
        known = sum(one.cpu_s for one in held.values()) + sum(ours.cpu_times()[:2])
        return Sample(perf_counter() - self._begin, held, _machine_cpu_s() - known)

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _role(command: list[str]) -> str:
    return next((role for module, role in ROLES.items() if module in command), "another process")


def _held(process: psutil.Process, clients: set[int]) -> Held:
    with process.oneshot():
        memory = process.memory_full_info()
        connections = process.net_connections("tcp")
        living = sum(bool(one.raddr) and one.raddr.port in clients for one in connections)
        return Held(
            rss_mib=memory.rss / MIB,
            pss_mib=memory.pss / MIB,
            descriptors=process.num_fds() - living,
            threads=process.num_threads(),
            cpu_s=sum(process.cpu_times()[:2]),
        )


def _machine_cpu_s() -> float:
    times = psutil.cpu_times()
    idle: float = times.idle + times.iowait
    # The kernel has counted guests in user time already.
    return float(sum(times)) - idle - times.guest - times.guest_nice


def processes(samples: Iterable[Sample]) -> Counter[str]:
    """In how many samples each process was seen."""
    return Counter(name for sample in samples for name in sample.held)
