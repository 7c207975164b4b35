"""Where models are loaded: one at a time, on threads that do not stay."""

from __future__ import annotations

import threading

import pytest

from mlserver_chorus.engine.loader import Loader


def test_jobs_run_one_after_another_and_their_threads_end() -> None:
    loader = Loader()
    running, seen, threads = threading.Lock(), [], []

    def job(number: int) -> int:
        assert running.acquire(blocking=False), "two at once"
        threads.append(threading.current_thread())
        seen.append(number)
        running.release()
        return -number

    futures = [loader.submit(job, number) for number in range(5)]
    assert [future.result(10) for future in futures] == [0, -1, -2, -3, -4]
    assert seen == [0, 1, 2, 3, 4]
    assert len(set(threads)) == 5
    assert not any(thread.is_alive() for thread in threads)
    loader.shutdown()


def test_an_error_is_the_callers() -> None:
    loader = Loader()

    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        loader.submit(fail).result(10)
    assert loader.submit(int).result(10) == 0
    loader.shutdown()
