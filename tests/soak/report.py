"""What a soak has to say: a line while it runs, tables at its end, JSON for programs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.machine import commit, machine
from rich.console import Console
from rich.table import Table
from tests.soak.plan import Plan
from tests.soak.run import Soak
from tests.soak.sampling import Sample
from tests.soak.tally import Tally

WORDS = {True: "[green]pass[/green]", False: "[red]FAIL[/red]", None: "not judged"}


class Progress:
    """The state of a running soak: one line on a terminal, a line per minute elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0

    def show(self, plan: Plan, seconds: float, tally: Tally, samples: Sequence[Sample]) -> None:
        """Tell how it stands."""
        line = _line(plan, seconds, tally, samples)
        if self._console.is_terminal:
            self._console.file.write(f"\r{line[: self._console.width - 1]}\x1b[K")
            self._console.file.flush()
        elif seconds // 60 > self._told:
            self._told = int(seconds // 60)
            self._console.print(line, highlight=False)


def _line(plan: Plan, seconds: float, tally: Tally, samples: Sequence[Sample]) -> str:
    minutes = tally.minutes()
    p99 = f"p99 {minutes[-1].p99_ms:.0f} ms" if minutes else ""
    held = samples[-1].held if samples else {}
    memory = ", ".join(f"{name.split()[0]} {one.rss_mib:.0f} MiB" for name, one in held.items())
    return (
        f"{seconds / 60:.1f} of {plan.minutes:g} min  {tally.requests} requests  {p99}  "
        f"{tally.wrong} wrong  {tally.unexpected} unexpected  {memory}"
    )


def show(soak: Soak, console: Console) -> None:
    """Print what was asked and told, what was amiss, and the verdict."""
    told = Table(title="what the clients were told", title_justify="left")
    for heading in ("clients", "told", "requests"):
        told.add_column(heading, justify="right" if heading == "requests" else "left")
    for (kind, said), count in sorted(soak.tally.counts.items()):
        told.add_row(kind, said, str(count))
    verdict = Table(title="verdict", title_justify="left")
    for heading in ("check", "figure", "limit", ""):
        verdict.add_column(heading)
    for check in soak.checks:
        verdict.add_row(check.name, check.figure, check.limit, WORDS[check.passed])
    console.print(told)
    for example in soak.tally.examples:
        console.print(example, highlight=False, markup=False)
    if soak.tally.skipped:
        console.print(f"{soak.tally.skipped} requests were skipped: every client was busy")
    console.print(verdict)
    console.print("passed" if soak.passed else "FAILED")


def write_json(soak: Soak, path: Path) -> None:
    """Everything, for whoever wants to look closer."""
    path.write_text(json.dumps(_document(soak), ensure_ascii=False), encoding="utf-8")


def _document(soak: Soak) -> dict[str, Any]:
    counts = sorted(soak.tally.counts.items())
    return {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": machine("cpu"),
        "command": shlex.join(["python", "-m", "tests.soak", *sys.argv[1:]]),
        "plan": asdict(soak.plan),
        "capacity": soak.capacity,
        "rate": soak.rate,
        "passed": soak.passed,
        "checks": [check._asdict() for check in soak.checks],
        "told": [{"clients": kind, "told": said, "count": n} for (kind, said), n in counts],
        "examples": soak.tally.examples,
        "skipped": soak.tally.skipped,
        "minutes": [minute._asdict() for minute in soak.tally.minutes()],
        "samples": [
            {
                "seconds": sample.seconds,
                "others_cpu_s": sample.others_cpu_s,
                "held": {name: one._asdict() for name, one in sample.held.items()},
            }
            for sample in soak.samples
        ],
    }
