"""How a patch changes an object: JSON merge, strategic merge, and the merge of an apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.apiserver.kinds import Item, Kind

MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "volumeMounts": ("mountPath",),
    "topologySpreadConstraints": ("topologyKey",),
    "conditions": ("type",),
    "ports": ("containerPort", "port"),
}
"""Lists that are merged item by item, and the field that tells the items apart.

Source: `patchMergeKey` in the API's own types. Every other list is replaced as a whole.
"""
MERGED_GROUPS = ("", "apps")
"""Groups whose types have such lists; those of custom resources are replaced."""

_DIRECTIVES = ("$patch", "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/")


def merge_key(kind: Kind, field: str, items: Any) -> str | None:
    """The field that tells the items of a list apart; None where the list is one value."""
    if kind.group not in MERGED_GROUPS or not isinstance(items, list) or not items:
        return None
    for key in MERGE_KEYS.get(field, ()):
        if all(isinstance(item, dict) and key in item for item in items):
            return key
    return None


def json_merge(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for field, value in patch.items():
        if value is None:
            merged.pop(field, None)
        else:
            merged[field] = json_merge(merged.get(field), value)
    return merged


def strategic_merge(kind: Kind, target: Item, patch: Item) -> Item:
    """As JSON merge, but lists that have a merge key are merged, and `$` directives are obeyed."""
    if patch.get("$patch") == "replace":
        return _without_directives(patch)
    retained = patch.get("$retainKeys")
    merged = {k: v for k, v in target.items() if retained is None or k in retained}
    for field, value in _without_directives(patch).items():
        if value is None:
            merged.pop(field, None)
        elif isinstance(value, dict):
            merged[field] = strategic_merge(kind, merged.get(field) or {}, value)
        else:
            merged[field] = _strategic_list(kind, field, merged.get(field), value)
    for directive, order in patch.items():
        field = directive.removeprefix("$setElementOrder/")
        if field != directive and field in merged:
            merged[field] = _ordered(kind, field, merged[field], order)
    return merged


def apply_merge(kind: Kind, target: Any, applied: Any) -> Any:
    """What is applied on top of what is there; what is not mentioned stays."""
    if not isinstance(applied, dict) or not isinstance(target, dict):
        return applied
    merged = dict(target)
    for field, value in applied.items():
        key = merge_key(kind, field, value)
        if key is None:
            merged[field] = apply_merge(kind, merged.get(field), value)
        else:
            merged[field] = _keyed(kind, key, merged.get(field) or [], value)
    return merged


def _without_directives(patch: Item) -> Item:
    return {k: v for k, v in patch.items() if not k.startswith(_DIRECTIVES)}


def _strategic_list(kind: Kind, field: str, present: Any, patch: Any) -> Any:
    replaces = isinstance(patch, list) and {"$patch": "replace"} in patch
    if replaces:
        return [item for item in patch if item != {"$patch": "replace"}]
    key = merge_key(kind, field, patch)
    if key is None:
        return patch
    items = {item[key]: item for item in present or []}
    for item in patch:
        if item.get("$patch") == "delete":
            items.pop(item[key], None)
        else:
            items[item[key]] = strategic_merge(kind, items.get(item[key], {}), item)
    return list(items.values())


def _keyed(kind: Kind, key: str, present: Sequence[Item], applied: Sequence[Item]) -> list[Item]:
    items = {item.get(key): item for item in present}
    for item in applied:
        items[item[key]] = apply_merge(kind, items.get(item[key], {}), item)
    return list(items.values())


def _ordered(kind: Kind, field: str, items: Any, order: Sequence[Any]) -> Any:
    """In the order that the patch names; what it does not name comes last."""
    key = merge_key(kind, field, items)
    if key is None:
        return items
    places = {item[key]: place for place, item in enumerate(order)}
    return sorted(items, key=lambda item: places.get(item[key], len(places)))
