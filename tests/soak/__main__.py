"""Load `chorus serve` for long with good, bad, leaving and crashing clients, and see what grows.

Every answer is checked against what transformers says; memory, descriptors and threads of every
process are watched. The exit status is 1 if the verdict is bad.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from tests.soak.plan import Plan
from tests.soak.subjects import SUBJECTS

if TYPE_CHECKING:  # they bring gRPC, torch and more along, and --help needs none of it
    from tests.soak.run import Soak

SHORTEST_MINUTES = 0.1
LOG_COLUMNS = 110


def main(arguments: list[str] | None = None) -> int:
    """Run one soak; 0 if it was passed."""
    warnings.filterwarnings("ignore", module="mlserver")  # it uses a name that is going away
    # A signal must pass through what stops the server, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _exit)
    options = _parser().parse_args(arguments)
    plan = Plan(options.minutes, options.subject, options.share, options.seed)
    console = Console(width=None if sys.stdout.isatty() else LOG_COLUMNS)
    try:
        done = _run(plan, console)
    except KeyboardInterrupt:
        console.print("\ninterrupted; the server is stopped")
        return 130
    if done is None:
        return 1
    _publish(done, console, options)
    return 0 if done.passed else 1


def _run(plan: Plan, console: Console) -> Soak | None:
    from tests.soak.report import Progress
    from tests.soak.run import soak
    from tests.soak.serving import NotServing

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    log = Path(tempfile.mkdtemp(prefix="chorus-soak-")) / "serve.log"
    try:
        done = asyncio.run(soak(plan, log, say, Progress(console).show))
    except NotServing as error:
        say(f"\nthe server is not there; its last words:\n{error}")
        return None
    console.print()
    return done


def _publish(done: Soak, console: Console, options: argparse.Namespace) -> None:
    from tests.soak import report

    report.show(done, console)
    if options.json:
        report.write_json(done, options.json)
    if options.chart:
        from tests.soak.chart import draw  # matplotlib is slow to import

        draw(done, options.chart)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        epilog="example: make soak ARGS='--minutes 5 --json soak.json --chart soak.png'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--minutes", type=_minutes, default=60.0, help="how long the load lasts (default: 60)")
    add(
        "--subject",
        choices=SUBJECTS,
        default="classifiers",
        help="what is served; the leaks-… must fail (default: classifiers)",
    )
    add(
        "--share",
        type=_share,
        default=0.7,
        help="load, as a share of the capacity measured at the start (default: 0.7)",
    )
    add("--seed", type=int, default=1, help="of who comes when with which text (default: 1)")
    add("--json", type=Path, metavar="FILE", help="write every sample, count and check")
    add("--chart", type=Path, metavar="FILE.png", help="draw them")
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if not SHORTEST_MINUTES <= minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"at least {SHORTEST_MINUTES}")
    return minutes


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError("above 0, at most 1")
    return share


def _exit(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
