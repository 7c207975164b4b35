"""Faults on purpose: what a test makes go wrong, for so many requests or so long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.apiserver.problems import Problem


@dataclass
class _Fault:
    """`status` None is a connection cut without an answer."""

    status: int | None
    verb: str | None
    times: float
    until: float

    def strikes(self, verb: str) -> bool:
        if self.verb not in (None, verb) or self.times < 1 or time.monotonic() >= self.until:
            return False
        self.times -= 1
        return True


class ConnectionCut(Exception):
    """This request gets no answer at all."""


class Faults:
    """Faults of requests for objects; documents of the API itself are always answered."""

    def __init__(self, end_watches: Callable[[Problem], None]) -> None:
        self._end_watches = end_watches
        self._faults: list[_Fault] = []

    def status(
        self,
        status: int,
        *,
        times: int | None = None,
        seconds: float | None = None,
        verb: str | None = None,
    ) -> None:
        """Answer by that status: so many requests, or for so long, or until `clear()`."""
        self._add(status, times, seconds, verb)

    def refuse_connections(
        self,
        *,
        times: int | None = None,
        seconds: float | None = None,
        verb: str | None = None,
    ) -> None:
        """Cut the connection of each request instead of an answer.

        That nobody listens on the port at all is `ApiServer.stop()`.
        """
        self._add(None, times, seconds, verb)

    def event_410(self) -> None:
        """End every open watch by an ERROR event with 410; where none is open, the next one."""
        self._end_watches(Problem(410, "too old resource version"))

    def clear(self) -> None:
        """No more faults."""
        self._faults = []

    def strike(self, verb: str) -> None:
        """Raise what a request of this verb is to meet, if anything."""
        for fault in self._faults:
            if fault.strikes(verb):
                if fault.status is None:
                    raise ConnectionCut
                raise Problem(fault.status, "a fault on purpose")

    def _add(
        self, status: int | None, times: int | None, seconds: float | None, verb: str | None
    ) -> None:
        infinity = float("inf")
        until = infinity if seconds is None else time.monotonic() + seconds
        self._faults = [
            *self._faults,
            _Fault(status, verb, infinity if times is None else times, until),
        ]
