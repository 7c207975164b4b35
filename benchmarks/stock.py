"""Chorus beside the stock server: how many texts a second get all five right answers.

Before any timing each server answers every text alone; these answers are compared between the
servers, and under load every reply is compared with what the same server said alone. Repeats
alternate between the servers, each started anew on the same cores with nothing else running.
"""

from __future__ import annotations

import argparse
import http.client
import math
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from typing import Any, NoReturn

import uvloop

from benchmarks import weights
from benchmarks.answers import Answers, agree
from benchmarks.loadgen import HOST, Call, Report, Text, generate, post
from benchmarks.peers.base import ROOT, Peer
from benchmarks.peers.chorus import Chorus
from benchmarks.peers.process import NotReady, Server, running
from benchmarks.peers.stock import SWEEP, Setting, Stock
from benchmarks.report import Row, json_line, table
from benchmarks.texts import challenge_texts, short_texts

SAME, DIFFERENT, UNCOMPARED = "same", "different arithmetic", "not compared"
# Long enough to tell settings apart that differ by a tenth, short enough to try them all.
SWEEP_SECONDS = 5.0

# CPU seconds of other processes per second above which a figure says little.
QUIET = 0.1

Alone = list[list[Answers]]


def main() -> int:
    """Run the comparison; the exit status is 1 if a server gave a wrong answer or none."""
    options = _arguments()
    # A signal must pass through the `finally` that stops the server, as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)
    texts = (short_texts if options.texts == "short" else challenge_texts)(options.count)
    try:
        with _weights(options) as folders:
            _say(_describe(texts, folders["cardiffnlp"]))
            rows = _compare(options, texts, folders)
    except NotReady as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; every server is stopped")
        return 130
    _publish(rows, options)
    return 0 if all(row.good_per_s and not row.values()["wrong"] for row in rows) else 1


def _compare(options: argparse.Namespace, texts: list[str], folders: dict[str, Path]) -> list[Row]:
    cores = options.cores

    def measure(peer: Peer, alone: Alone, seconds: float) -> Report:
        with running(peer, cores) as server:
            return _load(server, peer, texts, alone, options, seconds)

    peers: list[Peer] = []
    alone: list[Alone] = []
    if options.only != "chorus":
        unbatched = Stock(folders, SWEEP[0], options.stock_threads)
        unbatched.prepare()
        alone.append(_answer_alone(unbatched, texts, cores))
        if options.setting:
            peers.append(Stock(folders, options.setting, options.stock_threads))
        else:
            peers.append(_fastest(unbatched, alone[0], measure))
    if options.only != "stock":
        stand_ins = all(folder.is_relative_to(ROOT / "models") for folder in folders.values())
        peers.append(Chorus(None if stand_ins else folders))
        alone.append(_answer_alone(peers[-1], texts, cores))
    arithmetic = _arithmetic(alone)
    rows = [Row(peer.name, peer.setting, arithmetic) for peer in peers]
    for repeat in range(1, options.repeats + 1):
        for peer, row, expected in zip(peers, rows, alone, strict=True):
            report = measure(peer, expected, options.seconds)
            row.reports.append(report)
            _say(f"repeat {repeat} of {options.repeats}: {peer.name} {_brief(report)}")
    return rows


def _fastest(first: Stock, alone: Alone, measure: Callable[[Peer, Alone, float], Report]) -> Stock:
    """The stock server in the setting that serves most; each is tried once."""
    rates: dict[Setting, float] = {}
    for setting in SWEEP:
        peer = Stock(first.weights, setting, first.threads)
        report = measure(peer, alone, SWEEP_SECONDS)
        rates[setting] = report.good_per_s
        _say(f"{peer.name}, {peer.setting}: {_brief(report)}")
    return Stock(first.weights, max(rates, key=rates.__getitem__), first.threads)


def _load(
    server: Server,
    peer: Peer,
    texts: list[str],
    alone: Alone,
    options: argparse.Namespace,
    seconds: float,
) -> Report:
    calls: list[Text] = [
        tuple(
            Call(post(path, body, server.port), _check(peer, part, expected[part]))
            for part, (path, body) in enumerate(peer.posts(text))
        )
        for text, expected in zip(texts, alone, strict=True)
    ]
    return uvloop.run(
        generate(
            server.port,
            calls,
            clients=options.clients,
            seconds=seconds,
            warmup=options.warmup,
            server_cpu=server.cpu_seconds,
        )
    )


def _check(peer: Peer, part: int, expected: Answers) -> Callable[[bytes], bool]:
    def check(body: bytes) -> bool:
        try:
            return agree(peer.read(part, body), expected)
        except (KeyError, TypeError, IndexError, ValueError):
            return False

    return check


def _answer_alone(peer: Peer, texts: list[str], cores: set[int]) -> Alone:
    """What a fresh server says to each text, and to each of its requests, one at a time."""
    with running(peer, cores) as server:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
        answers = []
        for text in texts:
            parts = []
            for part, (path, body) in enumerate(peer.posts(text)):
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                content = reply.read()
                if reply.status != 200:
                    raise NotReady(f"{peer.name}: {path} {reply.status} {content[:300]!r}")
                parts.append(peer.read(part, content))
            answers.append(parts)
        connection.close()
    _say(f"{peer.name}: answered {len(texts)} texts one by one")
    return answers


def _arithmetic(alone: list[Alone]) -> str:
    """Whether all peers said the same to every text."""
    if len(alone) < 2:
        return UNCOMPARED
    whole = [[_joined(parts) for parts in answers] for answers in alone]
    differing = sum(not agree(one, other) for one, other in zip(*whole, strict=True))
    _say(f"{differing} of {len(whole[0])} texts answered differently by the servers")
    return DIFFERENT if differing else SAME


def _joined(parts: list[Answers]) -> Answers:
    return {key: value for part in parts for key, value in part.items()}


def _publish(rows: list[Row], options: argparse.Namespace) -> None:
    lines = [json_line({**row.values(), **_circumstances(options)}) for row in rows]
    print(f"\n{table(rows)}\n")
    if len(rows) == 2 and rows[0].good_per_s:
        ratio = rows[1].good_per_s / rows[0].good_per_s
        ranked = rows[0].arithmetic == SAME
        note = "" if ranked else f" ({rows[0].arithmetic}: not a ranking)"
        print(f"{rows[1].peer} serves {ratio:.1f} times what {rows[0].peer} serves{note}\n")
        lines.append(json_line({"ratio": round(ratio, 2), "ranked": ranked}))
    print("\n".join(lines))
    if options.output:
        with options.output.open("a") as output:
            output.writelines(f"{line}\n" for line in lines)


def _circumstances(options: argparse.Namespace) -> dict[str, Any]:
    return {"texts": options.texts, "count": options.count, "cores": len(options.cores)}


@contextmanager
def _weights(options: argparse.Namespace) -> Iterator[dict[str, Path]]:
    folders = weights.find(options.weights)
    if folders:
        yield folders
    else:
        with tempfile.TemporaryDirectory(prefix="chorus-weights-") as root:
            _say(f"no weights in {options.weights}: random ones of the stand-ins' size")
            yield weights.make_random(Path(root))


def _describe(texts: list[str], folder: Path) -> str:
    tokens = mean(weights.token_counts(folder, texts))
    return f"{len(texts)} texts, {tokens:.1f} tokens each on average"


def _brief(report: Report) -> str:
    wrong = f", {report.wrong} wrong, {report.errors} errors" * bool(report.wrong + report.errors)
    loud = report.others_cpu_s > QUIET * report.seconds
    busy = f", {report.others_cpu_s:.1f} CPU s taken by other processes" * loud
    return f"{report.good_per_s:.1f} good/s, p50 {report.p50_ms:.0f} ms{wrong}{busy}"


def _say(line: str) -> None:
    # Progress is not a result: the results alone are on standard output.
    print(line, file=sys.stderr, flush=True)


def _exit(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _setting(text: str) -> Setting:
    size, _, rest = text.partition("/")
    seconds, _, workers = rest.partition("/")
    return Setting(0 if size == "off" else int(size), float(seconds or 0), int(workers or 0))


def _cores(text: str) -> set[int]:
    return {int(core) for core in text.split(",")}


def _all_cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stock",
        description=__doc__,
        epilog="example: python -m benchmarks.stock --clients 64 --repeats 5 --output rows.jsonl",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0, help="measured time of a repeat")
    parser.add_argument("--warmup", type=float, default=3.0, help="time before it, not counted")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--texts", choices=("short", "challenge"), default="short")
    parser.add_argument("--count", type=int, default=1000, help="how many different texts")
    parser.add_argument("--only", choices=("chorus", "stock"))
    parser.add_argument(
        "--weights",
        type=Path,
        default=ROOT / "models",
        help="holds KEY/standin or KEY for each model (default: models/)",
    )
    parser.add_argument(
        "--setting",
        type=_setting,
        metavar="SIZE/SECONDS[/WORKERS]",
        help="the stock server's, instead of the best of a sweep; off turns batching off",
    )
    parser.add_argument("--stock-threads", type=int, default=1, help="torch threads of its process")
    parser.add_argument("--cores", type=_cores, default=_all_cores(), metavar="N,…")
    parser.add_argument("--output", type=Path, metavar="FILE.jsonl", help="rows are appended")
    options = parser.parse_args()
    for name in ("clients", "seconds", "repeats", "count"):
        if not math.isfinite(getattr(options, name)) or getattr(options, name) <= 0:
            parser.error(f"--{name} must be positive")
    return options


if __name__ == "__main__":
    sys.exit(main())
