"""Who may wait for the device: bounds in texts, tokens and time, and a fair share of them per key.

Judged by the length of the texts, before anything is tokenised: a refusal must cost nearly nothing.
Tokens count once for each model that reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from time import monotonic
from weakref import ref

from . import metrics
from .errors import Overloaded
from .pace import Pace
from .types import Entry, Request

TOO_MANY = "too many texts are waiting; try again shortly"
TOO_LATE = "the server is too busy to answer in time; try again later"

# Tokens per character before any text was seen, and how far the average may stray from it: texts
# of one letter ten thousand times say nothing of those that follow.
_USUAL, _LEAST, _MOST = 0.25, 0.1, 1.0
_LEARNED = 0.1
"""Share of a request in that average."""
_SPECIALS = 2
"""Tokens of an empty text."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may wait for a device."""

    in_flight: int = 16384
    """Texts accepted and not yet answered; some seconds of work for the fastest device."""
    texts: int = 256
    """So many always may; more of them only within `seconds`."""
    seconds: float = 1.0
    """For how long the device is expected to work on all that waits."""
    tokens: int = 1 << 20
    """At most, however fast the device is."""


DEFAULT_BOUNDS = Bounds()


class Admission:
    """Counts what is accepted and not yet on the device; refuses what is too much.

    `require_room`, `admit` and `leave` are for the event loop, `tokenised` for the host thread,
    `taken` for the device's.
    """

    def __init__(self, bounds: Bounds, pace: Pace) -> None:
        self.in_flight = self.texts = self.tokens = 0
        self._bounds = bounds
        self._pace = pace
        self._held: dict[str, int] = {}
        """Tokens of each key."""
        self._waiting: dict[Request, None] = {}
        """In order of arrival."""
        self._tokens_per_character = _USUAL
        self._lock = Lock()

    def admit(self, request: Request, patience: float) -> list[Request]:
        """Count a request in that can wait so many seconds; those that must make room for it.

        Who comes while nobody waits is always welcome. Raises Overloaded.
        """
        if self.in_flight + len(request.texts) > self._bounds.in_flight:
            metrics.REFUSED["in_flight"].inc()
            raise Overloaded(TOO_MANY)
        tokens = self._estimate(request)
        with self._lock:
            losers = self._room(request, tokens, patience) if self.texts else []
            for loser in losers:
                self._forget(loser)
            self._waiting[request] = None
            self._count(request, len(request.texts), tokens)
        if losers:
            metrics.REFUSED["share"].inc(len(losers))
        self.in_flight += len(request.texts)
        metrics.IN_FLIGHT.inc(len(request.texts))
        return losers

    def require_room(self, key: str) -> None:
        """Refuse early whoever has its share of a full line already. Raises Overloaded."""
        with self._lock:
            keys = len(self._held.keys() | {key})
            greedy = self._held.get(key, 0) * keys >= self.tokens
            reason = self._refusal(self.texts + 1, self.tokens + 1) if self.texts else None
        if reason and greedy:
            metrics.REFUSED[reason].inc()
            raise Overloaded(TOO_MANY)

    def tokenised(self, request: Request, tokens: int) -> bool:
        """Replace the estimate by what it is; False when that is too much to wait."""
        characters = sum(map(len, request.texts))
        if characters:
            measured = min(max(tokens / characters, _LEAST), _MOST)
            self._tokens_per_character += _LEARNED * (measured - self._tokens_per_character)
        with self._lock:
            if request in self._waiting:
                alone = self.texts == request.texts_waiting
                self._count(request, 0, tokens * request.models - request.tokens_waiting)
                if self.tokens > self._bounds.tokens and not alone:
                    metrics.REFUSED["tokens"].inc()
                    self._forget(request)
                    return False
        return True

    def taken(self, entries: Iterable[Entry]) -> None:
        """These go to the device now."""
        with self._lock:
            for entry in entries:
                request = entry.request
                request.started = True
                if request.texts_waiting:
                    self._count(request, -1, -entry.work)
                    if not request.texts_waiting:
                        del self._waiting[request]

    def leave(self, request: Request) -> None:
        """A request is over; what of it still waits never will be computed."""
        self.in_flight -= len(request.texts)
        metrics.IN_FLIGHT.dec(len(request.texts))
        if request.texts_waiting:
            with self._lock:
                self._forget(request)

    def show(self, device: str) -> None:
        """Let the metrics of a device read what waits, whenever somebody looks at them."""
        for gauge, name in (
            (metrics.WAITING_TEXTS, "texts"),
            (metrics.WAITING_TOKENS, "tokens"),
            (metrics.WAITING_SECONDS, "oldest"),
        ):
            gauge.labels(device).set_function(partial(_value, ref(self), name))

    def waiting(self) -> list[Request]:
        """All requests of which a text waits."""
        with self._lock:
            return list(self._waiting)

    @property
    def oldest(self) -> float:
        """For how many seconds the first of them has waited; 0 where there is none."""
        with self._lock:
            first = next(iter(self._waiting), None)
        return monotonic() - first.arrived if first else 0.0

    def queue_age(self, asked: str) -> float:
        """For how many seconds the first under a name has waited; 0 where there is none."""
        arrived = (request.arrived for request in self.waiting() if request.asked == asked)
        now = monotonic()
        return now - next(arrived, now)

    def _estimate(self, request: Request) -> int:
        texts = len(request.texts)
        likely = int(sum(map(len, request.texts)) * self._tokens_per_character) + texts * _SPECIALS
        return min(likely, texts * request.limit) * request.models

    def _room(self, request: Request, tokens: int, patience: float) -> list[Request]:
        """The requests that must leave for one, often none. Raises Overloaded."""
        keys = len(self._held) + (request.key not in self._held)
        own = self._held.get(request.key, 0) + tokens
        pace = self._pace.per_second
        if pace and min(self.tokens, keys * own) > patience * pace:
            metrics.REFUSED["late"].inc()
            raise Overloaded(TOO_LATE)
        texts, total = self.texts + len(request.texts), self.tokens + tokens
        reason = self._refusal(texts, total)
        if reason is None:
            return []
        share = self.tokens / keys
        if own <= share:
            losers = []
            for loser in self._above(share):
                losers.append(loser)
                texts, total = texts - loser.texts_waiting, total - loser.tokens_waiting
                if self._refusal(texts, total) is None:
                    return losers
        metrics.REFUSED[reason].inc()
        raise Overloaded(TOO_MANY)

    def _refusal(self, texts: int, tokens: int) -> str | None:
        """Why so much may not wait."""
        bounds, pace = self._bounds, self._pace.per_second
        if tokens > bounds.tokens:
            return "tokens"
        if texts > bounds.texts and pace and tokens > bounds.seconds * pace:
            return "time"
        return None

    def _above(self, share: float) -> Iterable[Request]:
        """The greediest key's requests, newest first, as long as it keeps its share.

        So it keeps its oldest, of which a part may have been taken.
        """
        greediest = max(self._held, key=self._held.__getitem__)
        left = self._held[greediest]
        for request in reversed(self._waiting):
            if request.key == greediest:
                left -= request.tokens_waiting
                if left < share:
                    return
                yield request

    def _forget(self, request: Request) -> None:
        if self._waiting.pop(request, self) is None:
            self._count(request, -request.texts_waiting, -request.tokens_waiting)

    def _count(self, request: Request, texts: int, tokens: int) -> None:
        self.texts += texts
        self.tokens += tokens
        request.texts_waiting += texts
        request.tokens_waiting += tokens
        held = self._held.get(request.key, 0) + tokens
        if held:
            self._held[request.key] = held
        else:
            self._held.pop(request.key, None)


def _value(admission: ref[Admission], name: str) -> float:
    alive = admission()
    return float(getattr(alive, name)) if alive else 0.0
