"""What waits for a model's thread, and whose turn is next.

Callers take turns, input by input; the inputs of one caller go in order of arrival. A request
carries its own reply.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from time import monotonic
from typing import Any

from ..engine.errors import DeadlineExceeded, QueueTimeout
from ..engine.timings import Timings
from .running import Run


@dataclass(eq=False)
class Request:
    """One caller's inputs and where their results go."""

    inputs: list[Any]
    run: Run
    shares: str | None
    """Requests that are equal in this may share a run; None shares with nobody."""
    key: str
    """Whose it is: callers of different keys take turns."""
    deadline: float | None
    """When the answer is worth nothing any more, by `time.monotonic`."""
    future: asyncio.Future[list[Any]]
    timings: Timings | None = None
    """Where its times are kept, if its caller wants to know them."""
    arrived: float = field(default_factory=monotonic)
    started: bool = False
    results: list[Any] = field(init=False)
    pending: int = field(init=False)
    """Inputs that have no result yet."""

    def __post_init__(self) -> None:
        self.results = [None] * len(self.inputs)
        self.pending = len(self.inputs)

    @property
    def dead(self) -> bool:
        """Whether nobody waits any more: answered, failed, gone, or too late for it."""
        return self.future.done() or self.left() <= 0

    def left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - monotonic()

    def together(self, other: Request) -> bool:
        """Whether inputs of both may share a run."""
        return self is other or (self.shares is not None and self.shares == other.shares)

    def fail(self, error: Exception) -> None:
        """Answer with an error, from any thread."""
        self._on_loop(self.future.set_exception, error)

    def answer(self) -> None:
        """Answer with the results, from any thread."""
        self._on_loop(self.future.set_result, self.results)

    def _on_loop(self, settle: Callable[[Any], object], outcome: Any) -> None:
        loop = self.future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, settle, outcome)

    def _settle(self, settle: Callable[[Any], object], outcome: Any) -> None:
        if not self.future.done():
            settle(outcome)

    def waited_too_long(self) -> None:
        """On the event loop: give up on it if no run has taken any of it."""
        if not self.started:
            self._settle(
                self.future.set_exception,
                QueueTimeout("the server is too busy to answer in time"),
            )

    def expire(self) -> None:
        """On the event loop: give up on it, wherever it is."""
        self._settle(self.future.set_exception, DeadlineExceeded("the deadline has passed"))


@dataclass(frozen=True, slots=True)
class Row:
    """One input of a request."""

    request: Request
    index: int

    @property
    def input(self) -> Any:
        """What the run gets."""
        return self.request.inputs[self.index]


class Waiting:
    """A line per caller. Not locked: that is the lane's part."""

    def __init__(self) -> None:
        # Whose turn is next stands first.
        self._lines: dict[str, deque[Row]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, request: Request) -> None:
        """Queue every input of a request."""
        line = self._lines.setdefault(request.key, deque())
        line.extend(Row(request, index) for index in range(len(request.inputs)))

    def own(self, key: str) -> int:
        """Inputs of that caller that wait."""
        return len(self._lines.get(key, ()))

    def callers(self, key: str) -> int:
        """How many wait, this one included."""
        return len(self._lines.keys() | {key})

    def age(self) -> float:
        """For how many seconds the oldest has waited; 0 where nobody does."""
        now = monotonic()
        return now - min((line[0].request.arrived for line in self._each()), default=now)

    def ahead(self, key: str) -> int:
        """Inputs that will have run before the next one of this caller."""
        own = self.own(key)
        return own + sum(
            min(len(line), own + 1) for other, line in self._lines.items() if other != key
        )

    def take(self, most: int) -> list[Row]:
        """The next input by turn and what may share its run; none when nobody living waits."""
        self._keep(lambda row: not row.request.dead)
        if not self._lines:
            return []
        first = next(iter(self._lines.values()))[0].request
        sharing = ([row for row in line if first.together(row.request)] for line in self._each())
        taken = list(islice(_by_turns(list(sharing)), most))
        for row in taken:
            self._served(row.request.key)
        chosen = set(map(id, taken))
        self._keep(lambda row: id(row) not in chosen)
        return taken

    def remove(self, request: Request) -> int:
        """Forget a request that was given up; how many inputs of it have waited."""
        before = self.own(request.key)
        if before:
            self._keep_of(request.key, lambda row: row.request is not request)
        return before - self.own(request.key)

    def clear(self) -> list[Request]:
        """Forget everything; the requests that have waited."""
        left = {id(row.request): row.request for line in self._each() for row in line}
        self._lines.clear()
        return list(left.values())

    def _each(self) -> Iterator[deque[Row]]:
        return iter(self._lines.values())

    def _served(self, key: str) -> None:
        self._lines[key] = self._lines.pop(key)

    def _keep(self, wanted: Callable[[Row], bool]) -> None:
        for key in list(self._lines):
            self._keep_of(key, wanted)

    def _keep_of(self, key: str, wanted: Callable[[Row], bool]) -> None:
        kept = deque(filter(wanted, self._lines[key]))
        if kept:
            self._lines[key] = kept
        else:
            del self._lines[key]


def _by_turns(lines: Sequence[list[Row]]) -> Iterator[Row]:
    """The first of each, then the second of each, and so on."""
    return (row for rank in zip_longest(*lines) for row in rank if row is not None)
