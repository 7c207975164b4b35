"""The line of texts that are in no call yet: bounded, and fair to every caller."""

import asyncio
import math
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar

from chorus_gateway.errors import DeadlinePassed, Displaced, OutOfReach, Overloaded
from chorus_gateway.fair import FairQueue
from chorus_gateway.pace import Pace
from chorus_http.logs.access_log import NOTED
from chorus_http.logs.request_ids import CURRENT

if TYPE_CHECKING:
    from chorus_http.traces.spans import OpenSpan

T = TypeVar("T")

LONGEST_ADVICE = 3600  # seconds


@dataclass(eq=False, slots=True)
class Waiter(Generic[T]):
    """A text and the reply that its caller awaits; a caller who leaves cancels the reply."""

    text: str
    size: int
    reply: asyncio.Future[T]
    key: str = ""
    """Whose it is."""
    deadline: float | None = None
    """When its caller gives up, on the clock of `monotonic`."""
    span: Optional["OpenSpan"] = None
    """The span of its caller's request, while traces are on."""
    arrived: float = field(default_factory=monotonic)
    request_id: str = field(default_factory=CURRENT.get)
    noted: dict[str, Any] | None = field(default_factory=NOTED.get)
    """What the access log will say of its caller's request, if there is one."""

    @property
    def is_done(self) -> bool:
        """Whether it has its reply, or left."""
        return self.reply.done()

    def answer(self, answer: T) -> None:
        """Reply, unless the caller left."""
        if not self.is_done:
            self.reply.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Reply with an error, unless the caller left."""
        if not self.is_done:
            self.reply.set_exception(error)


@dataclass(frozen=True)
class Bounds:
    """So many texts may always wait; beyond them, what is answered in so many seconds.

    Bytes are bounded in any case.
    """

    texts: int
    seconds: float
    bytes: int


class WaitingLine(Generic[T]):
    """Waiters in turn: one of each caller, first come first served among those of one caller.

    When it is full, a caller of whom less waits than of another takes the place of that one's
    newest. Callers are told apart by their credentials as they are sent: whoever must not be able
    to make some up checks them in front of the gateway.
    """

    def __init__(self, bounds: Bounds, pace: Pace) -> None:
        self._bounds = bounds
        self._pace = pace
        self._most_texts: float = bounds.texts
        self._waiters: FairQueue[Waiter[T]] = FairQueue()
        self._bytes = 0
        self._somebody_left = False

    def __len__(self) -> int:
        return len(self._waiters)

    @property
    def callers(self) -> int:
        """How many callers have a text here."""
        return self._waiters.keys

    @property
    def most_of_one_caller(self) -> int:
        """How many texts the caller has here who has most."""
        return self._waiters.count(self._waiters.longest()) if self._waiters else 0

    @property
    def age(self) -> float:
        """Seconds that the one who is here longest has waited."""
        now = monotonic()
        return now - min((waiter.arrived for waiter in self._waiters.heads()), default=now)

    def require_room(self, key: str = "", size: int = 0, deadline: float | None = None) -> None:
        """Find out whether a text may join. Raises Overloaded; OutOfReach for a deadline."""
        if self._is_full_for(size):
            self._to_displace(key, size)
        if deadline is not None and self._pace.rate:
            turn = monotonic() + self._waiters.ahead(key) / self._pace.rate
            if turn > deadline:
                raise OutOfReach(self._advice())

    def join(self, waiter: Waiter[T]) -> None:
        """Add a waiter; its turn is after those of its own caller. Raises Overloaded."""
        if self._is_full_for(waiter.size):
            greedy = self._to_displace(waiter.key, waiter.size)
            if greedy is not None:
                displaced = self._waiters.pop_newest(greedy)
                self._bytes -= displaced.size
                displaced.fail(Displaced(self._advice()))
        self._waiters.append(waiter.key, waiter)
        self._bytes += waiter.size

    def take(self, max_texts: int, max_bytes: int) -> list[Waiter[T]]:
        """Take in turn what fits, at least one, but nobody who left or whose time is over."""
        self._most_texts = max(self._bounds.texts, (self._pace.rate or 0) * self._bounds.seconds)
        taken: list[Waiter[T]] = []
        room = max_bytes
        now = monotonic()
        for _ in range(len(self._waiters)):
            if len(taken) == max_texts:
                break
            if taken and self._bytes > room and self._waiters.first().size > room:
                break
            waiter = self._waiters.popleft()
            self._bytes -= waiter.size
            if waiter.deadline is not None and waiter.deadline <= now:
                waiter.fail(DeadlinePassed())
            elif not waiter.is_done:
                taken.append(waiter)
                room -= waiter.size
        return taken

    def leave(self, reply: asyncio.Future[T]) -> None:
        """Cancel a reply that nobody awaits any more; its place is free for whoever needs one."""
        reply.cancel()
        self._somebody_left = True

    def clear(self) -> list[Waiter[T]]:
        """Take everybody."""
        everybody = list(self._waiters)
        self._waiters = FairQueue()
        self._bytes = 0
        return everybody

    def _to_displace(self, key: str, size: int) -> str | None:
        """Whose newest must make room in the full line, None if that has helped already.

        Raises Overloaded.
        """
        if self._somebody_left:
            self._drop_the_gone()
            if not self._is_full_for(size):
                return None
        greedy = self._waiters.longest() if self._waiters else key
        if self._waiters.count(greedy) - 1 <= self._waiters.count(key):
            raise Overloaded(self._advice())
        if self._bytes - self._waiters.newest(greedy).size + size > self._bounds.bytes:
            raise Overloaded(self._advice())
        return greedy

    def _is_full_for(self, size: int) -> bool:
        crowded = len(self._waiters) >= self._most_texts
        return crowded or self._bytes + size > self._bounds.bytes

    def _advice(self) -> int | None:
        """Seconds in which whoever waits now will have been answered, if that is known."""
        rate = self._pace.rate
        return min(math.ceil(len(self) / rate), LONGEST_ADVICE) if rate else None

    def _drop_the_gone(self) -> None:
        # Only after somebody left: a walk along the line for each refusal is half of what an
        # overloaded gateway does.
        self._somebody_left = False
        waiting = [waiter for waiter in self._waiters if not waiter.is_done]
        self.clear()
        for waiter in waiting:
            self._waiters.append(waiter.key, waiter)
            self._bytes += waiter.size
