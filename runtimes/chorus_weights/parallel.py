"""The same work on many things, in threads that nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class Stopped(Exception):
    """Raised in the work that is under way when it is no longer wanted."""


def each(
    work: Callable[[Thing, Callable[[], None]], Result], things: Sequence[Thing], threads: int
) -> list[Result]:
    """The results in order; the first error, or a Ctrl-C, ends all without waiting for the rest.

    The work's second argument is to be called now and then: it raises Stopped after the end.
    """
    todo: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, Result | BaseException]] = SimpleQueue()
    over = threading.Event()

    def check() -> None:
        if over.is_set():
            raise Stopped

    def run() -> None:
        while not over.is_set():
            try:
                number = todo.get_nowait()
            except Empty:
                return
            try:
                done.put((number, work(things[number], check)))
            except BaseException as error:
                done.put((number, error))  # before the others hear, so that it is the first
                over.set()

    for number in range(len(things)):
        todo.put(number)
    for _ in range(min(threads, len(things))):
        # Not of an executor: the interpreter would wait for those at its own end.
        threading.Thread(target=run, daemon=True).start()
    results: dict[int, Result] = {}
    try:
        while len(results) < len(things):
            number, result = done.get()
            if isinstance(result, BaseException):
                raise result
            results[number] = result
    finally:
        over.set()
    return [results[number] for number in range(len(things))]
