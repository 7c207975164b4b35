"""Lists, whole or page by page. All pages of a list show one moment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count

from tests.apiserver.kinds import Item
from tests.apiserver.problems import Problem, expired
from tests.apiserver.selectors import Selector
from tests.apiserver.store import Store
from tests.apiserver.targets import Target

MAX_SNAPSHOTS = 100
"""Paged lists that may be under way at once; the oldest then expires."""


class Lists:
    """Answers lists; the rest of a list that is fetched page by page waits here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = count(1)
        self._snapshots: dict[int, tuple[int, list[Item]]] = {}

    def answer(self, target: Target, query: Mapping[str, str]) -> Item:
        """A list object: the page that `limit` and `continue` ask for."""
        selector = Selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        limit = int(query.get("limit") or 0)
        if token := query.get("continue"):
            version, start, items = self._continued(token)
        else:
            every = self._store.items(target.kind, target.namespace)
            items = [item for item in every if selector.matches(item)]
            version, start = self._store.version, 0
        end = start + limit if limit else len(items)
        metadata: Item = {"resourceVersion": str(version)}
        if end < len(items):
            metadata["continue"] = self._keep(version, end, items)
            if selector.selects_all:
                metadata["remainingItemCount"] = len(items) - end
        return {
            "kind": f"{target.kind.name}List",
            "apiVersion": target.kind.api_version,
            "metadata": metadata,
            "items": items[start:end],
        }

    def _keep(self, version: int, start: int, items: list[Item]) -> str:
        """The token of a next page: the number of its list, and where the page starts."""
        number = next(self._numbers)
        self._snapshots[number] = version, items
        if len(self._snapshots) > MAX_SNAPSHOTS:
            self._snapshots.pop(next(iter(self._snapshots)))
        return f"{number}.{start}"

    def _continued(self, token: str) -> tuple[int, int, list[Item]]:
        match = re.fullmatch(r"([0-9]+)\.([0-9]+)", token)
        if match is None:
            raise Problem(400, "continue key is not valid")
        snapshot = self._snapshots.get(int(match[1]))
        if snapshot is None or not self._store.knows(snapshot[0]):
            raise expired()
        return snapshot[0], int(match[2]), snapshot[1]
