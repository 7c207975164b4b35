"""Results in order; the first error ends the rest, and nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from chorus_weights.parallel import Stopped, each

Check = Callable[[], None]


def test_results_come_in_order_from_no_more_threads_than_asked_for() -> None:
    names = set()

    def work(number: int, check: Check) -> int:
        names.add(threading.current_thread().name)
        return number * number

    assert each(work, range(20), 3) == [number * number for number in range(20)]
    assert len(names) <= 3
    assert each(work, [], 3) == []


def test_the_first_error_stops_the_rest_without_waiting_for_it() -> None:
    stopped = threading.Event()
    begun = threading.Event()
    begun_after = []

    def work(number: int, check: Check) -> None:
        begun_after.append(number)
        if number == 0:
            begun.wait(60)
            raise ValueError("no")
        begun.set()
        try:
            while True:
                check()
        except Stopped:
            stopped.set()
            raise

    with pytest.raises(ValueError, match="no"):
        each(work, range(10), 2)
    assert stopped.wait(60)
    assert begun_after == [0, 1]
