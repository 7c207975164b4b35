"""How many CPU threads a model's forward runs on: measured when it is loaded, not guessed.

A wide model uses every core; a narrow one is slowed down by them, for each of its small operations
then waits until the other threads have woken up.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import torch

# As many as the machine, or OMP_NUM_THREADS, allows.
MOST = torch.get_num_threads()
# Twice the threads must save this share of the time, or other work has the better use for them.
_WORTH = 0.2
_REPEATS = 5
# … and this is long enough for a slow one: nobody waits for a model to be measured any better.
_ENOUGH_SECONDS = 0.3


def use(threads: int) -> None:
    """Set the calling thread's number; torch keeps one for each thread that calls it."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def fastest(run: Callable[[], object], most: int = MOST) -> int:
    """The smallest number of threads, 1 or a doubling of it, that more would hardly speed up."""
    threads, best = 1, seconds(run, 1)
    while threads < most:
        more = min(2 * threads, most)
        took = seconds(run, more)
        if took > best * (1 - _WORTH):
            break
        threads, best = more, took
    return threads


def seconds(run: Callable[[], object], threads: int) -> float:
    """Of the fastest of a few runs: whatever else the machine does can only make one slower."""
    use(threads)
    run()
    times: list[float] = []
    while len(times) < _REPEATS and sum(times) < _ENOUGH_SECONDS:
        started = perf_counter()
        run()
        times.append(perf_counter() - started)
    return min(times)
