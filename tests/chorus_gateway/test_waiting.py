import asyncio

import pytest

from chorus_gateway.errors import Overloaded
from chorus_gateway.waiting import Waiter, WaitingLine


def waiter(text: str) -> Waiter[str]:
    return Waiter(text, len(text), asyncio.get_running_loop().create_future())


def line_of(*texts: str) -> WaitingLine[str]:
    line: WaitingLine[str] = WaitingLine(max_texts=10, max_bytes=100)
    for text in texts:
        line.join(waiter(text))
    return line


def texts(waiters: list[Waiter[str]]) -> list[str]:
    return [one.text for one in waiters]


async def test_first_come_first_served_in_calls_of_a_size() -> None:
    line = line_of("a", "b", "c")
    assert texts(line.take(2, 100)) == ["a", "b"]
    assert texts(line.take(2, 100)) == ["c"]
    assert texts(line.take(2, 100)) == []


async def test_bytes_bound_a_call_but_never_stop_the_line() -> None:
    line = line_of("long text", "ab", "cd", "e")
    assert texts(line.take(10, 4)) == ["long text"]
    assert texts(line.take(10, 4)) == ["ab", "cd"]
    assert texts(line.take(10, 4)) == ["e"]


async def test_texts_and_bytes_bound_the_line() -> None:
    few: WaitingLine[str] = WaitingLine(max_texts=1, max_bytes=100)
    few.join(waiter("a"))
    with pytest.raises(Overloaded):
        few.join(waiter("b"))
    small: WaitingLine[str] = WaitingLine(max_texts=10, max_bytes=3)
    small.join(waiter("ab"))
    with pytest.raises(Overloaded):
        small.join(waiter("cd"))
    small.take(1, 3)
    small.join(waiter("abc"))


async def test_those_who_left_hold_no_place() -> None:
    line: WaitingLine[str] = WaitingLine(max_texts=2, max_bytes=2)
    first, second, third = waiter("a"), waiter("b"), waiter("c")
    line.join(first)
    line.join(second)
    line.leave(first.reply)
    line.require_room(1)
    line.join(third)
    assert texts(line.take(10, 10)) == ["b", "c"]


async def test_a_full_line_refuses_before_it_sees_a_text() -> None:
    line: WaitingLine[str] = WaitingLine(max_texts=1, max_bytes=2)
    line.require_room()
    line.join(waiter("a"))
    with pytest.raises(Overloaded):
        line.require_room()


async def test_a_reply_is_given_once() -> None:
    one = waiter("a")
    one.answer("first")
    one.answer("second")
    one.fail(ValueError())
    assert await one.reply == "first"
