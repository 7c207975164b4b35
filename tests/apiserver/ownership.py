"""Who has set which field: what server-side apply decides conflicts and removals by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.apiserver.kinds import Item, Kind
from tests.apiserver.merges import apply_merge, merge_key
from tests.apiserver.problems import Problem
from tests.apiserver.store import Key

Step = str | tuple[str, Any]
"""A field, or the merge key of an item of a list and its value."""
Path = tuple[Step, ...]
Manager = tuple[str, str]
"""A name, and `Apply` or `Update`."""
Owners = dict[Manager, frozenset[Path]]

_UNOWNED: frozenset[Path] = frozenset(
    {("apiVersion",), ("kind",)}
    | {
        ("metadata", field)
        for field in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    }
)


class Ownership:
    """Fields by object and manager."""

    def __init__(self) -> None:
        self._owned: dict[Key, Owners] = {}

    def apply(
        self, key: Key, live: Item, applied: Item, manager: str, *, force: bool = False
    ) -> tuple[Item, Owners]:
        """The object after an apply, and the owners to `record` once it is stored.

        409 where another manager has set a field differently, unless forced.
        """
        wanted = fields(key[0], applied)
        me = (manager, "Apply")
        owners = dict(self._owned.get(key, {}))
        mine = owners.pop(me, frozenset())
        others = _settled(owners, fields(key[0], live), wanted, force=force)
        dropped = mine.difference(wanted, *others.values())
        item = _without(apply_merge(key[0], live, applied), dropped)
        return item, {**others, me: frozenset(wanted)}

    def record(self, key: Key, owners: Owners) -> None:
        self._owned[key] = owners

    def update(self, key: Key, before: Item, after: Item, manager: str) -> None:
        """Every field that a write of another sort has changed is now its writer's."""
        old, new = fields(key[0], before), fields(key[0], after)
        changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
        owners = {who: paths - changed for who, paths in self._owned.get(key, {}).items()}
        me = (manager, "Update")
        owners[me] = owners.get(me, frozenset()) | (changed & new.keys())
        self._owned[key] = owners

    def forget(self, key: Key) -> None:
        self._owned.pop(key, None)


def fields(kind: Kind, item: Item) -> dict[Path, Any]:
    """Every leaf of an object by its path; a list without a merge key is a leaf."""
    return {path: value for path, value in _leaves(kind, (), item) if path not in _UNOWNED}


def _leaves(kind: Kind, path: Path, value: Any) -> Iterable[tuple[Path, Any]]:
    key = merge_key(kind, str(path[-1]), value) if path else None
    if isinstance(value, dict) and value:
        for field, inner in value.items():
            yield from _leaves(kind, (*path, field), inner)
    elif key is not None:
        for item in value:
            yield from _leaves(kind, (*path, (key, item[key])), item)
    else:
        yield path, value


def _without(item: Item, paths: Iterable[Path]) -> Item:
    for path in paths:
        item = _removed(item, path)
    return item


def _removed(value: Any, path: Path) -> Any:
    """The value without that leaf; objects and items that are empty then go too."""
    step, *rest = path
    if isinstance(step, tuple):
        return _removed_item(value, step, tuple(rest))
    if not isinstance(value, dict) or step not in value:
        return value
    inner = _removed(value[step], tuple(rest)) if rest else None
    others = {field: kept for field, kept in value.items() if field != step}
    return {**others, step: inner} if inner else others


def _removed_item(items: Any, step: tuple[str, Any], rest: Path) -> Any:
    key, name = step
    if not isinstance(items, list):
        return items
    if rest == (key,):
        return [item for item in items if item.get(key) != name]
    return [_removed(item, rest) if item.get(key) == name else item for item in items]


def _settled(
    owners: Owners, live: Mapping[Path, Any], wanted: Mapping[Path, Any], *, force: bool
) -> Owners:
    """What the others still own, once what is wanted differently is no longer theirs."""
    differing = {path for path in wanted if path in live and live[path] != wanted[path]}
    lost = {who: paths & differing for who, paths in owners.items() if paths & differing}
    if lost and not force:
        raise _conflict(lost)
    return {who: paths - differing for who, paths in owners.items()}


def _conflict(others: Owners) -> Problem:
    lines = [
        f'conflict with "{name}": {_dotted(path)}'
        for (name, _), paths in sorted(others.items())
        for path in sorted(paths, key=str)
    ]
    number = f"{len(lines)} conflict{'s' if len(lines) > 1 else ''}"
    return Problem(409, f"Apply failed with {number}: " + ", ".join(lines))


def _dotted(path: Path) -> str:
    return "".join(
        f".{step}" if isinstance(step, str) else f'[{step[0]}="{step[1]}"]' for step in path
    )
