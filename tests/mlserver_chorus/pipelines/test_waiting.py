"""Turns: within a caller by arrival, between callers one input each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlserver_chorus.pipelines.waiting import Request, Waiting

LINES: dict[str, tuple[list[tuple[str, int]], int, list[list[int]]]] = {
    "one caller": ([("a", 1), ("a", 2), ("a", 3)], 1, [[1], [2], [3]]),
    "one caller, together": ([("a", 1), ("a", 2), ("a", 3)], 2, [[1, 2], [3]]),
    "two callers": ([("a", 1), ("a", 2), ("a", 3), ("b", 4)], 1, [[1], [4], [2], [3]]),
    "two callers, together": (
        [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("b", 5)],
        3,
        [[1, 4, 2], [5, 3]],
    ),
    "three callers": (
        [("a", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 5)],
        1,
        [[1], [3], [4], [2], [5]],
    ),
}


def request(*inputs: int, key: str = "", shares: str | None = "all") -> Request:
    future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
    return Request(list(inputs), lambda given, left: given, shares, key, None, future)


def all_of(waiting: Waiting, most: int) -> list[list[int]]:
    runs = []
    while taken := waiting.take(most):
        runs.append([row.input for row in taken])
    return runs


@pytest.mark.parametrize(("line", "most", "runs"), LINES.values(), ids=LINES)
async def test_turns(line: list[tuple[str, int]], most: int, runs: list[list[int]]) -> None:
    waiting = Waiting()
    for key, number in line:
        waiting.put(request(number, key=key))
    assert len(waiting) == len(line)
    assert all_of(waiting, most) == runs
    assert len(waiting) == 0


async def test_who_comes_later_is_behind_one_turn_of_each() -> None:
    waiting = Waiting()
    waiting.put(request(1, 2, 3, key="a"))
    waiting.put(request(4, key="b"))
    assert [waiting.ahead(key) for key in ("a", "b", "c")] == [4, 3, 2]
    assert [waiting.own(key) for key in ("a", "b", "c")] == [3, 1, 0]
    assert [waiting.callers(key) for key in ("a", "b", "c")] == [2, 2, 3]


async def test_those_who_share_pass_those_who_do_not() -> None:
    waiting = Waiting()
    for number, shares in ((1, "x"), (2, "y"), (3, None), (4, "x")):
        waiting.put(request(number, shares=shares))
    assert all_of(waiting, 8) == [[1, 4], [2], [3]]


async def test_the_dead_are_passed_over() -> None:
    waiting = Waiting()
    dead, living = request(1), request(2)
    waiting.put(dead)
    waiting.put(living)
    dead.future.cancel()
    assert all_of(waiting, 8) == [[2]]


async def test_removing_one_request_leaves_the_others() -> None:
    waiting = Waiting()
    goes, stays = request(1, 2), request(3)
    waiting.put(goes)
    waiting.put(stays)
    assert waiting.remove(goes) == 2
    assert waiting.remove(goes) == 0
    assert waiting.clear() == [stays]
    assert waiting.remove(stays) == 0
