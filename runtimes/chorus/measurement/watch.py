"""How far a measurement is: a bar on a terminal, else a line for each turn."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from chorus.load.tally import Report, Tally
from chorus.measurement.probe import Subject
from chorus.measurement.results import latency
from chorus.measurement.rounds import TICK_S, Load


class Shown:
    """Draws when it is told to, and never by itself: a thread would share the client's core."""

    def __init__(self, console: Console, load: Load, rounds: int) -> None:
        self._console = console
        self._load = load
        self._rounds = rounds
        self._turn = ""
        self._task: TaskID | None = None
        self._ticks = 0
        self._bars = _bars(console) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def begin(self, subject: Subject, number: int) -> None:
        """A server has its turn."""
        of = f"round {number} of {self._rounds}, " if self._rounds > 1 else ""
        self._turn = f"{of}{subject.url}"
        self._ticks = 0
        if self._bars:
            total = self._load.warmup + self._load.seconds
            self._task = self._bars.add_task(self._turn, total=total, said="warming up")

    def tick(self, tally: Tally) -> None:
        """Draw the bar, and what was counted so far."""
        self._ticks += 1
        if not self._bars or self._task is None:
            return
        is_warm = self._ticks * TICK_S > self._load.warmup
        said = f"{tally.good / tally.seconds:,.0f} good/s" if is_warm else "warming up"
        if is_warm and tally.failed:
            said += f", {tally.failed:,} failed"
        self._bars.update(self._task, completed=self._ticks * TICK_S, said=said)
        self._bars.refresh()

    def end(self, report: Report) -> None:
        """Clear the bar away; where there are several turns, say what came of this one."""
        if self._bars and self._task is not None:
            self._bars.remove_task(self._task)
            self._bars.refresh()
        p99 = f", p99 {latency(0.99)(report):,.1f} ms" if report.latencies_ms else ""
        failed = f", {report.failed:,} failed" if report.failed else ""
        if self._rounds > 1:
            line = f"chorus: {self._turn}: {report.good_per_s:,.1f} good/s{p99}{failed}"
            self._console.print(line, markup=False, soft_wrap=True)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        auto_refresh=False,
    )
