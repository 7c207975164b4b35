"""How far a download is: bars where there is a terminal to draw them, else a line now and then."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from chorus_weights.transfer import Job

LINE_S = 5.0
WORTH_A_BAR = 8 << 20  # smaller files are gone before their bar is read


class FetchProgress(AbstractContextManager["FetchProgress"]):
    """Shows how far the files of a pull are; called from its threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._there: dict[Job, int] = defaultdict(int)
        self._total = 0
        self._told = time.monotonic()
        self._bars = _bars(console) if console.is_terminal else None
        self._all: TaskID | None = None
        self._tasks: dict[Job, TaskID] = {}

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

    def planned(self, jobs: Sequence[Job]) -> None:
        """Hear which files are to be had, those that are there included."""
        self._total = sum(job.size for job in jobs)
        if self._bars:
            self._all = self._bars.add_task("all files", total=self._total)

    def told(self, job: Job, there: int) -> None:
        """Hear how many bytes of a file are there."""
        with self._lock:
            self._there[job] = there
            if self._bars:
                self._draw(self._bars, job, there)
            elif time.monotonic() - self._told >= LINE_S:
                self._told = time.monotonic()
                have, all_ = sum(self._there.values()) / 1e6, self._total / 1e6
                self._console.print(f"chorus: fetching: {have:,.0f} of {all_:,.0f} MB")

    def _draw(self, bars: Progress, job: Job, there: int) -> None:
        if self._all is not None:
            bars.update(self._all, completed=sum(self._there.values()))
        if job.size < WORTH_A_BAR:
            return
        if job not in self._tasks:
            self._tasks[job] = bars.add_task(f"{job.repository} {job.path}", total=job.size)
        bars.update(self._tasks[job], completed=there, visible=there < job.size)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
