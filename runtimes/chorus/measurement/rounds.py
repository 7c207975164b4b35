"""The same load on each server in turn, round after round."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from chorus.errors import UsageError
from chorus.load.closed import closed_loop
from chorus.load.connection import Text
from chorus.load.opened import open_loop
from chorus.load.tally import Meters, Report, Tally
from chorus.measurement.probe import Subject

TIMEOUT_S: Final = 60.0
TICK_S: Final = 0.5
SPARE_FILES: Final = 64  # beside the connections


@dataclass(frozen=True)
class Load:
    """A closed loop of `clients`, or `rate` texts a second from at most so many; in seconds."""

    clients: int
    rate: float | None
    seconds: float
    warmup: float


class Watch(Protocol):
    """Whoever shows how far it is."""

    def begin(self, subject: Subject, number: int) -> None:
        """A server has its turn in a round, counted from 1."""

    def tick(self, tally: Tally) -> None:
        """Some time has passed."""

    def end(self, report: Report) -> None:
        """The turn is over."""


@dataclass(frozen=True)
class Measured:
    """Every server's report of each round; fewer of them where it was interrupted."""

    reports: Sequence[Sequence[Report]]
    interrupted: bool


async def measure(
    subjects: Sequence[Subject], texts: Sequence[str], load: Load, rounds: int, watch: Watch
) -> Measured:
    """Take turns, the first one first in odd rounds and last in even ones.

    So what drifts on the machine meets all of them alike. SIGINT ends it with what there is. Raises
    UsageError where so many connections are not allowed.
    """
    _allow_files(load.clients + SPARE_FILES)
    reports: list[list[Report]] = [[] for _ in subjects]
    sent = [[subject.call(text) for text in texts] for subject in subjects]
    async with _interruptible() as stop:
        for number in range(1, rounds + 1):
            places = range(len(subjects))
            for place in places if number % 2 else reversed(places):
                watch.begin(subjects[place], number)
                report = await _turn(subjects[place], sent[place], load, watch, stop)
                watch.end(report)
                if report.latencies_ms or report.failures:
                    reports[place].append(report)
                if stop.is_set():
                    return Measured(reports, interrupted=True)
    return Measured(reports, interrupted=False)


async def _turn(
    subject: Subject, texts: Sequence[Text], load: Load, watch: Watch, stop: asyncio.Event
) -> Report:
    tally = Tally(Meters())
    loop = partial(
        closed_loop if load.rate is None else partial(open_loop, rate=load.rate),
        subject.server.address,
        texts,
        clients=load.clients,
        seconds=load.seconds,
        warmup=load.warmup,
        timeout=TIMEOUT_S,
        tally=tally,
        stop=stop,
    )
    ticking = asyncio.create_task(_tick(watch, tally))
    try:
        return await loop()
    finally:
        ticking.cancel()


async def _tick(watch: Watch, tally: Tally) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        watch.tick(tally)


@asynccontextmanager
async def _interruptible() -> AsyncIterator[asyncio.Event]:
    """What SIGINT sets, instead of ending the process."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        yield stop
    finally:
        with contextlib.suppress(RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)


def _allow_files(count: int) -> None:
    """Let this process have so many connections, as far as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            raise UsageError(
                f"--clients needs {count} open files, and {hard} are allowed; "
                "choose fewer, or raise `ulimit -n`"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
