import asyncio
from time import monotonic

import pytest

from chorus_gateway.errors import DeadlinePassed, Displaced, OutOfReach, Overloaded
from chorus_gateway.pace import Pace
from chorus_gateway.waiting import Bounds, Waiter, WaitingLine


def waiter(text: str, key: str = "", deadline: float | None = None) -> Waiter[str]:
    reply = asyncio.get_running_loop().create_future()
    return Waiter(text, len(text), reply, key, deadline)


def pace_of(rate: float) -> Pace:
    pace = Pace()
    pace.answered(0, 0.0)
    pace.answered(int(rate * 10), 10.0)
    return pace


def empty(texts: int, size: int, pace: Pace | None = None) -> WaitingLine[str]:
    return WaitingLine(Bounds(texts, seconds=1.0, bytes=size), pace or Pace())


def line_of(*texts: str) -> WaitingLine[str]:
    line = empty(10, 100)
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
    few = empty(1, 100)
    few.join(waiter("a"))
    with pytest.raises(Overloaded):
        few.join(waiter("b"))
    small = empty(10, 3)
    small.join(waiter("ab"))
    with pytest.raises(Overloaded):
        small.join(waiter("cd"))
    small.take(1, 3)
    small.join(waiter("abc"))


async def test_those_who_left_hold_no_place() -> None:
    line = empty(2, 2)
    first, second, third = waiter("a"), waiter("b"), waiter("c")
    line.join(first)
    line.join(second)
    line.leave(first.reply)
    line.require_room(size=1)
    line.join(third)
    assert texts(line.take(10, 10)) == ["b", "c"]


async def test_a_full_line_refuses_before_it_sees_a_text() -> None:
    line = empty(1, 2)
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


async def test_beyond_the_floor_waits_what_is_answered_in_time() -> None:
    fast, slow = empty(2, 100, pace_of(5)), empty(2, 100, pace_of(1))
    for line in (fast, slow):
        line.take(1, 1)  # a call has ended: the pace is looked at
    for _ in range(5):
        fast.join(waiter("a"))
    for line, room in ((fast, 0), (slow, 2)):
        for _ in range(room):
            line.join(waiter("a"))
        with pytest.raises(Overloaded):
            line.join(waiter("b"))


@pytest.mark.parametrize(("rate", "advice"), [(None, None), (0.5, 4), (5, 1)])
async def test_a_refusal_says_when_there_will_be_room(
    rate: float | None, advice: int | None
) -> None:
    line = empty(2, 100, pace_of(rate) if rate else None)
    for _ in range(2):
        line.join(waiter("a"))
    with pytest.raises(Overloaded) as refused:
        line.require_room()
    assert refused.value.retry_after == advice


async def test_callers_are_taken_in_turn() -> None:
    line = empty(10, 100)
    for text, key in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c")):
        line.join(waiter(text, key))
    assert (line.callers, line.most_of_one_caller) == (3, 3)
    assert texts(line.take(3, 100)) == ["a1", "b1", "c1"]
    assert texts(line.take(3, 100)) == ["a2", "a3"]
    assert (line.callers, line.most_of_one_caller, line.age) == (0, 0, 0)


async def test_whoever_has_less_there_takes_the_place_of_the_greediest() -> None:
    line = empty(4, 100)
    greedy = [waiter(f"a{n}", "a") for n in range(4)]
    for one in greedy:
        line.join(one)
    with pytest.raises(Overloaded):
        line.require_room("a")
    line.require_room("b")
    line.join(waiter("b1", "b"))
    with pytest.raises(Displaced):
        greedy[3].reply.result()
    line.join(waiter("b2", "b"))
    with pytest.raises(Overloaded):
        line.join(waiter("b3", "b"))  # two each is fair
    with pytest.raises(Overloaded):
        line.join(waiter("a4", "a"))
    assert texts(line.take(10, 100)) == ["a0", "b1", "a1", "b2"]


async def test_no_long_text_displaces_many_short_ones() -> None:
    line = empty(100, 10)
    short = [waiter("a", "a") for _ in range(10)]
    for one in short:
        line.join(one)
    with pytest.raises(Overloaded):
        line.join(waiter("long", "b"))
    line.join(waiter("b", "b"))
    assert [isinstance(one.reply.exception(), Displaced) for one in short if one.is_done] == [True]


async def test_a_text_longer_than_the_whole_line_is_refused() -> None:
    with pytest.raises(Overloaded):
        empty(10, 3).join(waiter("long"))


async def test_a_text_whose_deadline_has_passed_is_not_taken() -> None:
    line = empty(10, 100)
    late, timely = waiter("a", deadline=monotonic() - 1), waiter("b", deadline=monotonic() + 60)
    line.join(late)
    line.join(timely)
    assert texts(line.take(10, 100)) == ["b"]
    with pytest.raises(DeadlinePassed):
        late.reply.result()


async def test_what_cannot_be_reached_in_time_is_refused_at_once() -> None:
    line = empty(100, 100, pace_of(1))
    for _ in range(10):
        line.join(waiter("a", "a"))
    in_five_seconds = monotonic() + 5
    with pytest.raises(OutOfReach):
        line.require_room("a", deadline=in_five_seconds)
    line.require_room("b", deadline=in_five_seconds)  # after one of the other's
    line.require_room("a", deadline=monotonic() + 60)


async def test_the_age_is_that_of_the_oldest() -> None:
    line = empty(10, 100)
    for key, ago in (("a", 5), ("b", 7)):
        one = waiter("text", key)
        one.arrived -= ago
        line.join(one)
    assert 7 <= line.age < 60
