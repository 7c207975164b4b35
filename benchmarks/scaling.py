"""How throughput and latency grow with the clients, the length of the texts, the number of models.

Each axis varies one thing in a closed loop and keeps the others: clients on short texts, tokens per
text, and classifiers behind one `/process`. Other peers join on the first axis only.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import options as shared
from benchmarks import weights
from benchmarks.compare import CHORUS, measure
from benchmarks.contender import Contender, Load
from benchmarks.machine import circumstances
from benchmarks.models import ManyModels
from benchmarks.peers import PEERS
from benchmarks.report import Columns, Row, append, progress, publish
from benchmarks.texts import texts_of_length
from chorus.load.texts import short_texts

COLUMNS: Columns = {
    "axis": "axis",
    "value": "value",
    "peer": "peer",
    "clients": "clients",
    "good_per_s": "good/s",
    "good_per_s_range": "range",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "wrong": "wrong",
    "refused": "refused",
    "errors": "errors",
    "others_cpu_s": "others' CPU s",
    "failure": "failure",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--axes", type=shared.names, default=list(AXES), metavar="NAME,…")
    parser.add_argument(
        "--clients",
        type=shared.numbers,
        default=[64, *(2**n for n in range(9) if n != 6)],
        help="each peer gets the setting that is best at the first of them",
    )
    parser.add_argument("--tokens", type=shared.numbers, default=[2**n for n in range(3, 10)])
    parser.add_argument("--models", type=shared.numbers, default=list(range(1, 11)))
    parser.add_argument(
        "--peers", type=shared.names, default=[CHORUS], help="for the clients axis, of `peers`"
    )
    parser.add_argument(
        "--at", type=shared.positive_int, default=10, help="clients on the other axes"
    )
    parser.add_argument("--seconds", type=shared.positive_float, default=5.0, help="per point")
    parser.add_argument("--warmup", type=float, default=2.0, help="seconds before, not counted")
    parser.add_argument("--timeout", type=shared.positive_float, default=60.0)
    parser.add_argument("--repeats", type=shared.positive_int, default=3)
    shared.add_subject(parser)
    parser.set_defaults(weights=weights.STAND_IN, texts="short")
    shared.add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Measure every point; the exit status is 1 if an answer was wrong or a point had none."""
    unknown = [name for name in options.axes if name not in AXES]
    if unknown:
        progress(f"no axis is called {unknown[0]}; known are {', '.join(AXES)}")
        return 2
    folders = weights.folders(options.weights)
    subject = {"benchmark": "scaling", "weights": options.weights, "device": options.device}
    around = subject | circumstances(options.device)
    rows = []
    for axis in options.axes:
        for row in AXES[axis](options, folders):
            rows.append(around | {"axis": axis} | row)
            # At once: all points together take an hour.
            append(rows[-1:], options.output)
    publish(rows, COLUMNS, markdown=options.markdown)
    return int(any(row.get("wrong") or not row.get("good") for row in rows))


def _clients(options: argparse.Namespace, folders: dict[str, Path]) -> Iterator[Row]:
    texts = short_texts(options.count)
    contenders = [
        Contender(name, PEERS[name].candidates(folders, options.device)) for name in options.peers
    ]
    for row in _measured(contenders, options, texts, options.clients):
        yield {"value": row.get("clients"), **row}


def _tokens(options: argparse.Namespace, folders: dict[str, Path]) -> Iterator[Row]:
    ends = weights.token_ends(folders["cardiffnlp"])
    for tokens in options.tokens:
        progress(f"{tokens} tokens")
        chorus = Contender(CHORUS, PEERS[CHORUS].candidates(folders, options.device))
        texts = texts_of_length(options.count, tokens, ends)
        for row in _measured([chorus], options, texts, [options.at]):
            yield {"value": tokens, **row}


def _models(options: argparse.Namespace, folders: dict[str, Path]) -> Iterator[Row]:
    texts = short_texts(options.count)
    checkpoints = list(folders.values())
    for count in options.models:
        progress(f"{count} models")
        copies = [checkpoints[number % len(checkpoints)] for number in range(count)]
        chorus = Contender(CHORUS, [ManyModels(copies, options.device)])
        for row in _measured([chorus], options, texts, [options.at]):
            yield {"value": count, **row}


AXES: dict[str, Callable[[argparse.Namespace, dict[str, Path]], Iterator[Row]]] = {
    "clients": _clients,
    "tokens": _tokens,
    "models": _models,
}


def _measured(
    contenders: Sequence[Contender],
    options: argparse.Namespace,
    texts: Sequence[str],
    clients: Sequence[int],
) -> list[Row]:
    load = Load(
        texts=texts,
        clients=clients,
        cores=options.cores,
        seconds=options.seconds,
        warmup=options.warmup,
        sweep_seconds=options.seconds,
        timeout=options.timeout,
    )
    measure(contenders, load, options.repeats)
    return [row for contender in contenders for row in contender.rows()]
