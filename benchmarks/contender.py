"""One peer in a comparison: its best setting, its answers alone, its measurements, its failure."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvloop

from benchmarks.answers import agree
from benchmarks.asking import Alone, answer_alone, calls, joined
from benchmarks.machine import meters
from benchmarks.peers.base import Peer
from benchmarks.peers.process import NotReady, Server, running
from benchmarks.report import Row, brief, progress, summary
from chorus.load.address import loopback
from chorus.load.closed import closed_loop
from chorus.load.tally import Report

SAME, DIFFERENT = "same", "different arithmetic"
# Their answers are no model's.
CONSTANT = {"null": "constant answers"}


@dataclass(frozen=True)
class Load:
    """How a contender is loaded: seconds are measured after `warmup` of them."""

    texts: Sequence[str]
    clients: Sequence[int]
    cores: set[int]
    seconds: float
    warmup: float
    sweep_seconds: float
    timeout: float


@dataclass
class Contender:
    """What is known of a peer so far; `failure` ends its part in the comparison."""

    name: str
    candidates: Sequence[Peer]
    failure: str | None = None
    arithmetic: str | None = None
    differing: int | None = None
    reports: dict[int, list[Report]] = field(default_factory=dict)
    peer: Peer = field(init=False)
    alone: Alone = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.peer = self.candidates[0]

    @property
    def ranked(self) -> bool:
        """Whether its figures may be compared with others'."""
        return self.failure is None and self.arithmetic == SAME

    def introduce(self, load: Load) -> None:
        """Prepare it, let it answer every text alone, and choose the best of its settings."""
        with self._failing():
            self.peer.prepare()
        rates: dict[int, float] = {}
        for number, candidate in enumerate(self.candidates):
            if self.failure:
                return
            with self._failing(), running(candidate, load.cores) as server:
                if not self.alone:
                    self.alone = answer_alone(candidate, server.port, load.texts)
                    progress(f"{self.name}: answered {len(load.texts)} texts one by one")
                if len(self.candidates) > 1:
                    report = self._loaded(candidate, server, load, load.clients[0], sweep=True)
                    rates[number] = report.good_per_s
                    progress(f"{self.name}, {candidate.setting}: {brief(report)}")
        if rates:
            self.peer = self.candidates[max(rates, key=rates.__getitem__)]

    def compare(self, reference: Alone) -> None:
        """Compare its answers with another's to the same texts."""
        pairs = zip(self.alone, reference, strict=True)
        self.differing = sum(not agree(joined(mine), joined(other)) for mine, other in pairs)
        self.arithmetic = CONSTANT.get(self.name, DIFFERENT if self.differing else SAME)

    def measure(self, load: Load) -> None:
        """One repeat: a fresh server under each number of clients."""
        with self._failing(), running(self.peer, load.cores) as server:
            for clients in load.clients:
                report = self._loaded(self.peer, server, load, clients)
                self.reports.setdefault(clients, []).append(report)
                progress(f"{self.name}, {clients} clients: {brief(report)}")

    def rows(self) -> list[Row]:
        """One per number of clients, or a single one that says why there is none."""
        start: Row = {
            "peer": self.name,
            "setting": self.peer.setting,
            "arithmetic": self.arithmetic,
        }
        start |= {"differing": self.differing, "failure": self.failure}
        return [start | summary(reports) for reports in self.reports.values()] or [start]

    def _loaded(
        self, peer: Peer, server: Server, load: Load, clients: int, *, sweep: bool = False
    ) -> Report:
        return uvloop.run(
            closed_loop(
                loopback(server.port),
                calls(peer, server.port, load.texts, self.alone),
                clients=clients,
                seconds=load.sweep_seconds if sweep else load.seconds,
                warmup=load.warmup,
                timeout=load.timeout,
                meters=meters(server.cpu_seconds),
            )
        )

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Note why the peer cannot go on; the others do."""
        try:
            yield
        except (NotReady, RuntimeError, OSError, subprocess.CalledProcessError) as error:
            progress(f"{self.name} is out: {error}")
            self.failure = (str(error).strip().splitlines() or [repr(error)])[0]
