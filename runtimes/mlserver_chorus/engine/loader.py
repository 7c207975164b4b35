"""Where models are loaded and measured: one at a time, each in a thread that then ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

# Of all loaders of the process: two loads at once would hold two copies of weights, measure each
# other, and import transformers from two threads, which it does not survive.
_ONE_AT_A_TIME = Lock()


class Loader(ThreadPoolExecutor):
    """One job at a time, in order of arrival, on a thread of its own.

    OpenMP keeps a team of threads for every thread that ever computed, and once there are more of
    them than cores it lets none of them spin: a loader that stayed would slow down every forward.
    """

    def __init__(self) -> None:
        super().__init__(1, "chorus-loader")

    def submit(self, job: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        """Run a job when those before it are done; a future of its result."""
        return super().submit(_alone, job, *args, **options)

    def later(self, job: Callable[..., Any], /, *args: Any) -> None:
        """Run a job that nobody waits for, unless the loader is closed: so is the process, soon."""
        with suppress(RuntimeError):
            self.submit(job, *args)


def _alone(job: Callable[..., Any], *args: Any, **options: Any) -> Any:
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            with _ONE_AT_A_TIME:
                outcome.append(job(*args, **options))
        except BaseException as error:
            failure.append(error)

    thread = Thread(target=run, name="chorus-load", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
