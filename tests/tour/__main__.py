"""Follow the README on an empty machine, and write how many seconds each step took.

The machine is a container: Debian with Python, make, git and curl. Downloads come from where pip of
this machine gets them. The table goes into docs/first-steps.md with --write.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from time import perf_counter

from rich.console import Console
from tests.cluster import storage
from tests.tour.machine import empty_machine
from tests.tour.steps import ROOT, Step, steps
from tests.tour.table import Row, written
from tests.tour.user import LostError, User

PAGE = ROOT / "docs" / "first-steps.md"


def main() -> int:
    """0 if the README leads to the end."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.tour", description=__doc__, epilog="example: make tour ARGS=--write"
    )
    parser.add_argument("--write", action="store_true", help="write the table into its page")
    options = parser.parse_args()
    console = Console(highlight=False)
    if missing := storage.missing():
        console.print(f"tour: needs {missing}")
        return 2
    rows: list[Row] = []
    try:
        with empty_machine() as machine, User(machine) as user:
            begin = perf_counter()
            machine.clone()
            rows.append(Row("git clone …", "have the source", perf_counter() - begin))
            for step in steps():
                rows.append(_taken(user, step))
                console.print(f"{rows[-1].seconds:7.1f} s  {rows[-1].does}", markup=False)
    except LostError as error:
        console.print(f"tour: {error}", markup=False)
        return 1
    if options.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), rows, date.today()), "utf-8")
    return 0


def _taken(user: User, step: Step) -> Row:
    begin = perf_counter()
    user.does(step)
    return Row(user.words(step), step.does, perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
