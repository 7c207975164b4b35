"""The load that Chorus was made for: four scenarios, eleven checks on every reply.

smoke (1/s), high load (60/s for a minute), spike (200/s for two) arrive by the clock, with at most
50 clients: what is due while all are busy is dropped, and latency counts from the moment that a
text was due. The speed test is the score: 10 clients in a closed loop. On top of the checks each
reply must agree with what the same server said to the same text alone; either failure is a wrong
answer. `overload` is ours: three times the rate that the server can answer, clients without end.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks import options as shared
from benchmarks import weights
from benchmarks.arrivals import Ramp, arrival_times, arrivals
from benchmarks.asking import answer_alone, calls
from benchmarks.checks import violations
from benchmarks.compare import choose
from benchmarks.machine import circumstances, meters
from benchmarks.peers import PEERS
from benchmarks.peers.base import Peer
from benchmarks.peers.process import running
from benchmarks.report import Columns, Row, brief, progress, publish, summary
from benchmarks.scenarios import SCENARIOS, Closed
from chorus.load.address import LOOPBACK, loopback
from chorus.load.closed import closed_loop
from chorus.load.connection import Text
from chorus.load.tally import Report

OVERLOAD = "overload"
OVERLOAD_SECONDS = 60.0
OVERLOAD_FACTOR = 3
CAPACITY_CLIENTS = 64
MOST_CLIENTS = 4096
WARMUP_SHARE = 0.1
COLUMNS: Columns = {
    "scenario": "scenario",
    "clients": "clients",
    "due": "due",
    "good": "good",
    "wrong": "wrong",
    "refused": "refused",
    "errors": "errors",
    "dropped": "dropped",
    "good_per_s": "good/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "capacity_per_s": "capacity/s",
    "goodput_share": "goodput / capacity",
    "others_cpu_s": "others' CPU s",
}


@dataclass(frozen=True)
class Target:
    """A running server, the texts to send it, and how patient a client is, in seconds."""

    port: int
    texts: Sequence[Text]
    timeout: float
    scale: float
    server_cpu: Callable[[], float]

    def arrive(self, times: Sequence[float], clients: int) -> Report:
        """An open loop."""
        return _run(
            arrivals(
                loopback(self.port),
                self.texts,
                times=times,
                clients=clients,
                timeout=self.timeout,
                meters=meters(self.server_cpu),
            )
        )

    def loop(self, clients: int, seconds: float) -> Report:
        """A closed loop; a tenth of its time comes before, uncounted."""
        return _run(
            closed_loop(
                loopback(self.port),
                self.texts,
                clients=clients,
                seconds=seconds,
                warmup=WARMUP_SHARE * seconds,
                timeout=self.timeout,
                meters=meters(self.server_cpu),
            )
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    known = [*SCENARIOS, OVERLOAD]
    parser.add_argument(
        "--scenarios",
        type=shared.names,
        default=list(SCENARIOS),
        metavar="NAME,…",
        help=f"of {', '.join(known)} (default: all but the last)",
    )
    parser.add_argument("--scale", type=shared.positive_float, default=0.1, help="1: true length")
    parser.add_argument("--timeout", type=shared.positive_float, default=60.0, help="of a client")
    parser.add_argument("--peer", default="chorus", choices=tuple(PEERS))
    parser.add_argument("--setting", help="the peer's, as `peers` shows it (default: its first)")
    parser.add_argument(
        "--url",
        type=_local,
        help=f"of a running server's /process on {LOOPBACK}, instead of a peer",
    )
    shared.add_subject(parser)
    shared.add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Run the scenarios; the exit status is 1 if an answer was wrong or a scenario had none."""
    unknown = set(options.scenarios) - {*SCENARIOS, OVERLOAD}
    if unknown:
        progress(
            f"no scenario is called {min(unknown)}; known are {', '.join(SCENARIOS)}, {OVERLOAD}"
        )
        return 2
    texts = shared.TEXTS[options.texts](options.count)
    subject = {name: getattr(options, name) for name in ("texts", "count", "scale", "timeout")}
    if options.url:
        url = urlsplit(options.url)
        peer: Peer = PEERS["chorus"].candidates({}, "cpu")[0]
        rows = _scenarios(options, peer, texts, url.port or 80, lambda: math.nan)
    else:
        folders = weights.folders(options.weights)
        peer = choose(PEERS[options.peer].candidates(folders, options.device), options.setting)
        peer.prepare()
        with running(peer, options.cores) as server:
            rows = _scenarios(options, peer, texts, server.port, server.cpu_seconds)
        subject |= {"weights": options.weights, "device": options.device}
        subject |= {"tokens": mean(weights.token_counts(folders["cardiffnlp"], texts))}
    start = {"benchmark": "challenge", "peer": options.url or peer.name, "setting": peer.setting}
    rows = [start | row | subject | circumstances(options.device) for row in rows]
    publish(rows, COLUMNS, markdown=options.markdown, output=options.output)
    return int(any(row["wrong"] or not row["good"] for row in rows))


def _scenarios(
    options: argparse.Namespace,
    peer: Peer,
    texts: Sequence[str],
    port: int,
    server_cpu: Callable[[], float],
) -> list[Row]:
    alone = answer_alone(peer, port, texts)
    progress(
        f"{peer.name}: answered {len(texts)} texts one by one, {texts.count('')} of them empty"
    )
    checked = calls(
        peer, port, texts, alone, lambda answers: not violations(answers, list(answers))
    )
    target = Target(port, checked, options.timeout, options.scale, server_cpu)
    rows = []
    for name in options.scenarios:
        rows.append(_overload(target) if name == OVERLOAD else _scenario(name, target))
    return rows


def _scenario(name: str, target: Target) -> Row:
    scenario = SCENARIOS[name]
    if isinstance(scenario, Closed):
        report = target.loop(scenario.clients, scenario.seconds * target.scale)
        due: Row = {}
    else:
        times = scenario.times(target.scale)
        report = target.arrive(times, scenario.clients)
        due = {"due": len(times)}
    progress(f"{name}: {brief(report)}")
    return {"scenario": name, **due, **summary([report])}


def _overload(target: Target) -> Row:
    """Goodput at three times the rate that a closed loop reaches, as a share of that rate."""
    seconds = OVERLOAD_SECONDS * target.scale
    capacity = target.loop(CAPACITY_CLIENTS, seconds).good_per_s
    progress(f"capacity: {capacity:.1f} good/s with {CAPACITY_CLIENTS} clients")
    rate = OVERLOAD_FACTOR * capacity
    times = arrival_times(rate, [Ramp(seconds, rate)])
    clients = min(MOST_CLIENTS, math.ceil(rate * target.timeout), max(len(times), 1))
    report = target.arrive(times, clients)
    progress(f"{OVERLOAD}: {brief(report)}")
    share = report.good_per_s / capacity if capacity else math.nan
    offered: Row = {"due": len(times), "capacity_per_s": capacity, "goodput_share": share}
    return {"scenario": OVERLOAD, **offered, **summary([report])}


def _run(load: Coroutine[Any, Any, Report]) -> Report:
    report: Report = uvloop.run(load)
    return report


def _local(text: str) -> str:
    url = urlsplit(text)
    if url.hostname not in (LOOPBACK, "localhost") or url.path != "/process":
        raise argparse.ArgumentTypeError(f"must be http://{LOOPBACK}:PORT/process")
    return text
