"""Stage two: waiting entries to batches. No timer: what waits when the device is free goes.

While the device is busy the queue grows; the next batch is everything that fits the token budget,
in the order of the line. One batch is always prepared ahead (collated for the device), and it
stays open: what arrives before the device takes it still joins it, as long as it fits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import metrics
from .admission import Admission
from .budget import Budget
from .errors import InferenceFailed
from .line import Line
from .replies import fail
from .types import Encoding, Entry, Part

logger = logging.getLogger("mlserver.chorus")


class Tokens(NamedTuple):
    """Of a group: its own, the positions that the device computes, and those of one padded grid."""

    own: int
    computed: int
    padded: int


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """What one forward answers of a batch; `members` are entries and the index of its part."""

    part: Part
    members: Sequence[tuple[Entry, int]]
    inputs: Any = None

    @property
    def encodings(self) -> list[Encoding]:
        """The members' encodings for this forward, in order."""
        return [entry.encodings[index] for entry, index in self.members]

    def tokens(self) -> Tokens:
        """How many it has, and what that costs."""
        lengths = [len(encoding.ids) for encoding in self.encodings]
        rows, longest, total = len(lengths), max(lengths), sum(lengths)
        computed = self.part.forward.collate.tokens(rows, longest, total)
        return Tokens(total, computed, rows * longest)

    def halves(self) -> Iterator[Group]:
        """The same work as two groups, each without those whose callers have left by its turn."""
        middle = len(self.members) // 2
        for members in (self.members[:middle], self.members[middle:]):
            if living := [member for member in members if not member[0].request.dead]:
                yield Group(self.part, living).collated()

    def collated(self) -> Group:
        """The same group with inputs for the forward."""
        return Group(self.part, self.members, self.part.forward.collate(self.encodings))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What the device runs next: one group per forward."""

    entries: list[Entry]
    groups: list[Group] = field(default_factory=list)
    full: bool = False
    """Whether an entry waits that did not fit."""

    @classmethod
    def collate(cls, entries: list[Entry], *, full: bool = False) -> Batch:
        """Group entries by forward; those that share a tokenizer share its collated inputs too."""
        parts: dict[int, Part] = {}
        members: dict[int, list[tuple[Entry, int]]] = {}
        for entry in entries:
            for index, part in enumerate(entry.request.parts):
                key = id(part.forward)
                parts[key] = part
                members.setdefault(key, []).append((entry, index))
        shared: dict[tuple[Any, ...], Any] = {}
        groups = []
        for key, group in members.items():
            collate, encodings = parts[key].forward.collate, Group(parts[key], group).encodings
            likeness = (collate, *map(id, encodings))
            if likeness not in shared:
                shared[likeness] = collate(encodings)
            groups.append(Group(parts[key], group, shared[likeness]))
        return cls(entries, groups, full)

    def alive(self) -> Batch:
        """What is left of it without the entries whose callers have left since it was prepared."""
        living = _living(self.entries)
        return self if len(living) == len(self.entries) else Batch.collate(living)


class Batcher:
    """A queue of entries on one side, batches on the other; one host thread prepares between.

    `on_host_thread` runs a function on that thread, which also puts the entries: one hop less for
    each text than a thread of its own would cost.
    """

    def __init__(
        self,
        budget: Budget,
        admission: Admission,
        on_host_thread: Callable[[Callable[[], None]], object],
    ) -> None:
        self._budget = budget
        self._admission = admission
        self._on_host_thread = on_host_thread
        self._line = Line()
        self._prepared: Batch | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, entries: Sequence[Entry]) -> None:
        """Queue a request's entries; on the host thread."""
        with self._changed:
            self._line.put(entries)
        self._prepare()

    def next_batch(self, *, wait: bool = True) -> Batch | None:
        """Take all the work that fits; None when the batcher is closed, or unless it waits."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._prepared is not None or self._closed)
            batch, self._prepared = self._prepared, None
            if batch is None:
                return None
            if self._line:
                with suppress(RuntimeError):  # the host thread has ended: the engine is closing
                    self._on_host_thread(self._prepare)
        self._admission.taken(batch.entries)
        return batch.alive()

    def close(self) -> list[Entry]:
        """Stop, after the host thread; the entries that no batch took are handed back."""
        with self._changed:
            self._closed = True
            left = [*(self._prepared.entries if self._prepared else ()), *self._line.clear()]
            self._prepared = None
            self._changed.notify_all()
        return left

    def _prepare(self) -> None:
        """On the host thread: make what waits the prepared batch, or a part of it."""
        with self._changed:
            full = self._prepared is not None and self._prepared.full
            if full or not self._line:
                return
            entries = _living(self._prepared.entries) if self._prepared else []
            self._prepared = None
            full = self._fill(entries)
        try:
            batch = Batch.collate(entries, full=full) if entries else None
        except Exception:
            # A bug of ours must not end the only thread that prepares.
            logger.exception("a batch could not be collated")
            fail((e.request for e in entries), InferenceFailed("internal error"))
            return self._prepare()  # whoever still waits is not to blame
        with self._changed:
            self._prepared = batch
            self._changed.notify()

    def _fill(self, entries: list[Entry]) -> bool:
        """Move waiting entries into `entries` up to the budget; True when one did not fit."""
        lengths = [entry.tokens for entry in entries]
        longest, total = max(lengths, default=0), sum(lengths)
        while entry := self._line.first():
            if entry.request.dead:
                metrics.DROPPED.inc()
                self._line.drop()
                continue
            longest, total = max(longest, entry.tokens), total + entry.tokens
            if entries and not self._fits(entry, len(entries) + 1, longest, total):
                return True
            entries.append(self._line.take())
        return False

    def _fits(self, entry: Entry, rows: int, longest: int, total: int) -> bool:
        return all(
            rows <= part.max_rows
            and part.forward.collate.tokens(rows, longest, total) <= self._budget.tokens
            for part in entry.request.parts
        )


def _living(entries: list[Entry]) -> list[Entry]:
    living = [entry for entry in entries if not entry.request.dead]
    metrics.DROPPED.inc(len(entries) - len(living))
    return living
