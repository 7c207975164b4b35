"""What each kind of option takes, and how it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from mlserver_chorus.errors import InvalidRequest
from mlserver_chorus.pipelines import options as o

RIGHT: list[tuple[o.Check, Any, Any]] = [
    (o.whole(1, 9), 3, 3),
    (o.whole(1, 9), "3", 3),
    (o.whole(1, 9, null=True), None, None),
    (o.number(0, 1), 1, 1.0),
    (o.number(0, 1), "0.5", 0.5),
    (o.flag, True, True),
    (o.flag, "false", False),
    (o.choice("a", True), "a", "a"),
    (o.choice("a", True), True, True),
    (o.texts, "a", ["a"]),
    (o.maybe_texts, [], []),
    (o.labels, "a, b,", ["a", "b"]),
    (o.labels, ["a, b"], ["a", "b"]),
    (o.labels, ["a, b", "c"], ["a, b", "c"]),
    (o.template, "Is it {}?", "Is it {}?"),
    (o.language, "zho_Hans", "zho_Hans"),
]


def each(check: o.Check, *values: Any) -> list[tuple[o.Check, Any]]:
    return [(check, value) for value in values]


NO_DIGITS: list[Any] = [0, 10, 1.5, True, None, "x", "-1", [3], "9" * 99]
NO_SHARES: list[Any] = [-0.1, 1.1, True, float("inf"), float("nan"), "nan", "x", None]
WRONG: list[tuple[o.Check, Any]] = [
    *each(o.whole(1, 9), *NO_DIGITS),
    *each(o.number(0, 1), *NO_SHARES),
    (o.number(0, 1, above=True), 0),
    *each(o.flag, 1, "yes", None),
    *each(o.choice("a", True), "b", 1, None, ["a"]),
    *each(o.texts, [], [1], [""], ["a"] * 257, "a" * 1001, {}),
    *each(o.labels, "", " , ", [], [None]),
    *each(o.template, "none", "{} {}", "{0}", "{0.__class__} {}", "{{}}", 1),
    *each(o.language, "--psm 1", "/etc/passwd", "a;b", "", 3, "ü"),
]


@pytest.mark.parametrize(("check", "value", "made"), RIGHT)
def test_right(check: o.Check, value: Any, made: Any) -> None:
    got = check(value, "f")
    assert got == made
    assert type(got) is type(made)


@pytest.mark.parametrize(("check", "value"), WRONG)
def test_wrong(check: o.Check, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^f(\[\d+\])?: ") as refused:
        check(value, "f")
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"max_new_tokens": 101}, "max_new_tokens"),
        ({"max_length": 101}, "max_length"),
        ({"min_new_tokens": 5, "max_new_tokens": 4}, "min_new_tokens"),
        ({"num_return_sequences": 2, "do_sample": False}, "num_return_sequences"),
    ],
)
def test_generation_as_a_whole(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: "):
        o.check_generation(options, 100)


def test_beams_may_give_several_without_chance() -> None:
    o.check_generation({"num_return_sequences": 2, "do_sample": False, "num_beams": 2}, 100)
