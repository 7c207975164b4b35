"""One command line for all benchmarks: `python -m benchmarks COMMAND`, see --help."""

from __future__ import annotations

import argparse
import signal
import sys
from importlib import import_module
from typing import NamedTuple, NoReturn

from benchmarks.compare import UnknownSetting
from benchmarks.peers.process import NotReady
from benchmarks.report import progress
from benchmarks.weights import NoWeights


class Command(NamedTuple):
    """A module with `add_arguments(parser)` and `run(options) -> exit status`."""

    module: str
    help: str
    example: str


COMMANDS = {
    "ceiling": Command(
        "benchmarks.ceiling",
        "the engine without a server, as a share of what the machine's arithmetic allows",
        "--repeats 5 --output rows.jsonl",
    ),
    "challenge": Command(
        "benchmarks.challenge",
        "the load profile that Chorus was made for, with its checks on every reply",
        "--weights middle --scale 0.1",
    ),
    "memory": Command(
        "benchmarks.memory",
        "what a served model costs in memory: the peak of its process and of the gateway",
        "--models tiny-gpt2,detr-resnet-50 --count 20 --output rows.jsonl",
    ),
    "peers": Command(
        "benchmarks.compare",
        "throughput beside other servers: real size, the challenge's texts",
        "--peers chorus,stock,litserve --repeats 5 --output rows.jsonl",
    ),
    "overhead": Command(
        "benchmarks.overhead",
        "what serving itself costs: the shipped stand-ins, short texts",
        "--peers chorus,stock --clients 64 --repeats 5",
    ),
    "scaling": Command(
        "benchmarks.scaling",
        "throughput and latency over clients, length of the texts, and number of models",
        "--axes clients,tokens --output scaling.jsonl",
    ),
    "fleet": Command(
        "benchmarks.fleet.command",
        "from one node's throughput to a fleet: writes the tables of docs/scaling.md",
        "--check",
    ),
    "plots": Command(
        "benchmarks.plots", "draw the rows of `scaling`", "scaling.jsonl --folder docs/benchmarks"
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark; the exit status is 1 if a server gave a wrong answer or none."""
    # A signal must pass through the `finally` that stops the servers, as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments).parse_args(arguments)
    try:
        status: int = import_module(COMMANDS[options.benchmark].module).run(options)
    except (NoWeights, NotReady, UnknownSetting) as error:
        progress(f"benchmarks: {error}")
        return 1
    except KeyboardInterrupt:
        progress("interrupted; every server is stopped")
        return 130
    return status


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="example: python -m benchmarks overhead --peers chorus --repeats 1",
    )
    commands = parser.add_subparsers(dest="benchmark", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        # Only the command that is asked for is imported: some need torch, some matplotlib.
        module = import_module(command.module) if name in arguments[:1] else None
        own = commands.add_parser(
            name,
            help=command.help,
            description=module.__doc__ if module else None,
            epilog=f"example: python -m benchmarks {name} {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if module:
            module.add_arguments(own)
    return parser


def _exit(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
