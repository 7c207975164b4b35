"""Chorus beside its peers: how many texts a second get all five right answers.

Before any timing each server answers every text alone; these answers are compared between the
servers, and under load every reply is compared with what the same server said alone. Each peer
runs in the best of its own settings. Repeats alternate between the peers, each started anew on the
same cores with nothing else running.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from benchmarks import options as shared
from benchmarks import weights
from benchmarks.contender import Contender, Load
from benchmarks.machine import circumstances
from benchmarks.peers import PEERS
from benchmarks.peers.base import Peer
from benchmarks.report import Columns, Row, progress, publish

CHORUS = "chorus"
COLUMNS: Columns = {
    "peer": "peer",
    "setting": "setting",
    "clients": "clients",
    "good_per_s": "good/s",
    "good_per_s_range": "range",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "wrong": "wrong",
    "refused": "refused",
    "errors": "errors",
    "server_cpu_s": "server CPU s",
    "generator_cpu_s": "generator CPU s",
    "others_cpu_s": "others' CPU s",
    "arithmetic": "arithmetic",
    "chorus_ratio": "chorus / this",
    "failure": "failure",
}


class UnknownSetting(Exception):
    """No candidate of a peer is called that; the text lists those there are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen; the defaults are the challenge's load on weights of real size."""
    known = ", ".join(PEERS)
    default = [name for name in PEERS if name != "null"]
    parser.add_argument("--peers", type=shared.names, default=default, help=f"of {known}")
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="PEER=SETTING",
        help="a peer's setting as the table shows it, instead of the best of a sweep",
    )
    parser.add_argument("--clients", type=shared.numbers, default=[10], metavar="N,…")
    parser.add_argument("--seconds", type=shared.positive_float, default=20.0, help="per repeat")
    parser.add_argument("--warmup", type=float, default=3.0, help="seconds before, not counted")
    parser.add_argument("--sweep-seconds", type=shared.positive_float, default=5.0)
    parser.add_argument("--timeout", type=shared.positive_float, default=60.0)
    parser.add_argument("--repeats", type=shared.positive_int, default=3)
    shared.add_subject(parser)
    shared.add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Run the comparison; the exit status is 1 if a ranked server answered wrong, or none did."""
    unknown = [name for name in options.peers if name not in PEERS]
    if unknown:
        progress(f"no peer is called {unknown[0]}; known are {', '.join(PEERS)}")
        return 2
    folders = weights.folders(options.weights)
    texts = shared.TEXTS[options.texts](options.count)
    tokens = mean(weights.token_counts(folders["cardiffnlp"], texts))
    progress(f"{len(texts)} texts, {tokens:.1f} tokens each on average")
    load = Load(
        texts=texts,
        clients=options.clients,
        cores=options.cores,
        seconds=options.seconds,
        warmup=options.warmup,
        sweep_seconds=options.sweep_seconds,
        timeout=options.timeout,
    )
    contenders = _contenders(options, folders)
    measure(contenders, load, options.repeats)
    rows = [row for contender in contenders for row in contender.rows()]
    add_ratios(rows, {contender.name for contender in contenders if contender.ranked})
    subject = {name: getattr(options, name) for name in ("weights", "device", "texts", "count")}
    subject |= {"tokens": tokens, "cores": len(options.cores)}
    around = circumstances(options.device)
    rows = [{"benchmark": options.benchmark, **row, **subject, **around} for row in rows]
    publish(rows, COLUMNS, markdown=options.markdown, output=options.output)
    print(*_verdicts(rows), sep="\n")
    return int(any(row.get("wrong") for row in rows) or not any(row.get("good") for row in rows))


def measure(contenders: Sequence[Contender], load: Load, repeats: int) -> None:
    """Introduce each, compare the answers with the first one's, then take turns."""
    for contender in contenders:
        contender.introduce(load)
    answered = [contender for contender in contenders if contender.failure is None]
    for contender in answered:
        contender.compare(answered[0].alone)
        progress(
            f"{contender.name}: {contender.differing} answers differ from {answered[0].name}'s"
        )
    for repeat in range(1, repeats + 1):
        progress(f"repeat {repeat} of {repeats}")
        for contender in answered:
            if contender.failure is None:
                contender.measure(load)


def add_ratios(rows: list[Row], ranked: set[str]) -> None:
    """Give each ranked row `chorus_ratio`: Chorus's rate over its own, at the same clients."""
    own = {row["clients"]: row["good_per_s"] for row in rows if row["peer"] == CHORUS in ranked}
    for row in rows:
        if row["peer"] in ranked - {CHORUS} and row.get("good_per_s") and row["clients"] in own:
            row["chorus_ratio"] = own[row["clients"]] / row["good_per_s"]


def _verdicts(rows: Sequence[Row]) -> list[str]:
    """One line per number of clients: Chorus against the best that is ranked."""
    best: dict[int, Row] = {}
    for row in rows:
        if "chorus_ratio" in row:
            rival = best.setdefault(row["clients"], row)
            best[row["clients"]] = min(rival, row, key=lambda one: float(one["chorus_ratio"]))
    return [
        f"{clients} clients: chorus serves {row['chorus_ratio']:.2f} times what the best ranked "
        f"peer does ({row['peer']}, {row['setting']})"
        for clients, row in best.items()
    ]


def _contenders(options: argparse.Namespace, folders: dict[str, Path]) -> list[Contender]:
    chosen = dict(setting.split("=", 1) for setting in options.setting)
    contenders = []
    for name in options.peers:
        candidates: Sequence[Peer] = PEERS[name].candidates(folders, options.device)
        if name in chosen:
            candidates = [choose(candidates, chosen[name])]
        contenders.append(Contender(name, candidates))
    return contenders


def choose(candidates: Sequence[Peer], setting: str | None) -> Peer:
    """The candidate in that setting, the first of all if none is named. Raises UnknownSetting."""
    for candidate in candidates:
        if setting in (None, candidate.setting):
            return candidate
    known = "; ".join(candidate.setting for candidate in candidates)
    raise UnknownSetting(f"{candidates[0].name} has no setting {setting!r}; it has: {known}")
