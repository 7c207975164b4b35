"""Label and field selectors, as they stand in a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tests.apiserver.kinds import Item
from tests.apiserver.problems import Problem

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_KEY = r"[A-Za-z0-9][A-Za-z0-9._/-]*"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*([A-Za-z0-9._-]*)")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_COMMA = re.compile(r",(?![^()]*\))")
"""A comma between two requirements, not one between the values of a set."""

FIELDS = {"metadata.name": "name", "metadata.namespace": "namespace"}


class Selector:
    """What a list or a watch is limited to; everything by default."""

    def __init__(self, labels: str = "", fields: str = "") -> None:
        self._labels = [_requirement(part) for part in _parts(labels)]
        self._fields = [_field(part) for part in _parts(fields)]
        self.selects_all = not (self._labels or self._fields)

    def matches(self, item: Item) -> bool:
        metadata = item["metadata"]
        labels = metadata.get("labels") or {}
        return all(test(labels) for test in self._labels) and all(
            test(metadata) for test in self._fields
        )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _COMMA.split(text)] if text.strip() else []


def _requirement(text: str) -> Test:
    if match := _SET.fullmatch(text):
        key, operator, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.fullmatch(text):
        return _equality(*match.groups())
    if match := _EXISTS.fullmatch(text):
        absent, key = match.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise Problem(400, f"unable to parse requirement: {text}")


def _field(text: str) -> Test:
    match = _EQUAL.fullmatch(text)
    if match is None or match[1] not in FIELDS:
        raise Problem(400, f"field label not supported: {text}")
    return _equality(FIELDS[match[1]], match[2], match[3])


def _equality(key: str, operator: str, value: str) -> Test:
    if operator == "!=":
        return lambda found: found.get(key) != value
    return lambda found: found.get(key) == value
