"""The objects, one resourceVersion for all of them, and the log of what has changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.apiserver.kinds import Item, Kind
from tests.apiserver.problems import expired

LOG_EVENTS = 1000
"""How many changes a watch may have missed; a real server keeps some minutes of them."""

Key = tuple[Kind, str, str]
"""Kind, namespace, name; no namespace where the kind has none."""


@dataclass(frozen=True)
class Change:
    """One write: what the object was before, and what it is now; None where there was none."""

    version: int
    kind: Kind
    namespace: str
    before: Item | None
    after: Item | None


class Store:
    """Objects by kind, namespace and name. Every write raises the one version."""

    def __init__(self) -> None:
        self.version = 1
        self._items: dict[Key, Item] = {}
        self._log: deque[Change] = deque(maxlen=LOG_EVENTS)
        self._oldest = 1
        self._followers: list[Callable[[Change], None]] = []

    def get(self, kind: Kind, namespace: str, name: str) -> Item | None:
        return self._items.get((kind, namespace, name))

    def items(self, kind: Kind, namespace: str = "") -> list[Item]:
        """All of a kind in the order of their names, in one namespace or in every one."""
        keys = [key for key in self._items if key[0] == kind and namespace in ("", key[1])]
        return [self._items[key] for key in sorted(keys, key=lambda key: key[1:])]

    def keep(self, kind: Kind, item: Item) -> Item:
        """Create or replace an object; what is kept carries its new resourceVersion.

        A write that changes nothing is none: no new version, no event.
        """
        metadata = item["metadata"]
        key = (kind, metadata.get("namespace", ""), metadata["name"])
        before = self._items.get(key)
        if before is not None and _unversioned(before) == _unversioned(item):
            return before
        after = self._versioned(item)
        self._items[key] = after
        self._record(kind, key[1], before, after)
        return after

    def drop(self, kind: Kind, namespace: str, name: str) -> Item | None:
        """Delete an object; the object as it was, None where there is none."""
        before = self._items.pop((kind, namespace, name), None)
        if before is not None:
            self._record(kind, namespace, self._versioned(before), None)
        return before

    def contents(self, namespace: str) -> list[Key]:
        """Everything that lives in a namespace."""
        return [key for key in self._items if key[1] == namespace]

    def since(self, version: int) -> list[Change]:
        """What has changed after that version; 410 where that is no longer known."""
        if version < self._oldest:
            raise expired()
        return [change for change in self._log if change.version > version]

    def compact(self) -> None:
        """Forget every change until now."""
        self._log.clear()
        self._oldest = self.version

    def knows(self, version: int) -> bool:
        """Whether that version has not been compacted away."""
        return version >= self._oldest

    def follow(self, follower: Callable[[Change], None]) -> Callable[[], None]:
        """Tell of every change from now on; the answer is how to end that."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def _versioned(self, item: Item) -> Item:
        self.version += 1
        return item | {"metadata": item["metadata"] | {"resourceVersion": str(self.version)}}

    def _record(self, kind: Kind, namespace: str, before: Item | None, after: Item | None) -> None:
        change = Change(self.version, kind, namespace, before, after)
        if len(self._log) == LOG_EVENTS:
            self._oldest = self._log[0].version
        self._log.append(change)
        for follower in list(self._followers):
            follower(change)


def _unversioned(item: Item) -> Item:
    metadata = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
    return item | {"metadata": metadata}
