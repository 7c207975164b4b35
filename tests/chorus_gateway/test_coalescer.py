import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus_gateway.coalescer import Coalescer, Limits
from chorus_gateway.errors import (
    Displaced,
    Draining,
    InputFailed,
    InputRefused,
    Overloaded,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamUnavailable,
)

LIMITS = Limits(
    max_texts_per_call=64,
    max_bytes_per_call=10_000,
    max_calls_in_flight=2,
    max_waiting_texts=100,
    max_waiting_seconds=1.0,
    max_waiting_bytes=100_000,
)


class Model:
    """Answers each text with itself, when `open` is set; refuses the poisonous ones."""

    def __init__(self, poison: Sequence[str] = (), error: Exception | None = None) -> None:
        self.poison = set(poison)
        self.error = error or InputRefused(400)
        self.calls: list[list[str]] = []
        self.deadlines: list[float | None] = []
        self.running = 0
        self.most_running = 0
        self.open = asyncio.Event()
        self.open.set()

    async def infer(self, texts: Sequence[str], deadline: float | None) -> list[str]:
        self.calls.append(list(texts))
        self.deadlines.append(deadline)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0)
            await self.open.wait()
            if self.poison & set(texts):
                raise self.error
            return [f"<{text}>" for text in texts]
        finally:
            self.running -= 1


def coalescer(model: Model, **limits: int) -> Coalescer[str]:
    return Coalescer(model.infer, replace(LIMITS, **limits), lambda texts, seconds: None)


async def outcomes(replies: Sequence[asyncio.Future[str]]) -> list[str | BaseException]:
    return await asyncio.gather(*replies, return_exceptions=True)


async def turns(count: int = 5) -> None:
    """Let the event loop do what is due."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_arrives_in_one_turn_of_the_loop_is_one_call() -> None:
    model = Model()
    line = coalescer(model)
    assert await outcomes([line.ask(text) for text in "abc"]) == ["<a>", "<b>", "<c>"]
    assert model.calls == [["a", "b", "c"]]


async def test_what_arrives_while_calls_run_is_the_next_call_in_order() -> None:
    model = Model()
    model.open.clear()
    line = coalescer(model)
    replies = []
    for text in "abcdef":
        replies.append(line.ask(text))
        await turns()
    assert (line.calls_in_flight, len(line.line)) == (2, 4)
    model.open.set()
    assert await outcomes(replies) == [f"<{text}>" for text in "abcdef"]
    assert model.calls == [["a"], ["b"], ["c", "d", "e", "f"]]
    assert model.most_running == 2


async def test_a_call_is_bounded_by_texts_and_by_bytes() -> None:
    model = Model()
    by_texts = coalescer(model, max_texts_per_call=2, max_calls_in_flight=1)
    await outcomes([by_texts.ask(text) for text in "abc"])
    by_bytes = coalescer(model, max_bytes_per_call=6, max_calls_in_flight=1)  # "a" weighs 3
    await outcomes([by_bytes.ask(text) for text in "def"])
    assert model.calls == [["a", "b"], ["c"], ["d", "e"], ["f"]]


async def test_those_who_left_are_not_computed() -> None:
    model = Model()
    line = coalescer(model)
    replies = [line.ask(text) for text in "abc"]
    replies[1].cancel()
    await outcomes([replies[0], replies[2]])
    assert model.calls == [["a", "c"]]


async def test_one_who_leaves_a_running_call_spoils_it_for_nobody() -> None:
    model = Model()
    model.open.clear()
    line = coalescer(model)
    replies = [line.ask(text) for text in "abc"]
    await turns()
    replies[0].cancel()
    model.open.set()
    assert (await outcomes(replies))[1:] == ["<b>", "<c>"]


@pytest.mark.parametrize("error", [InputRefused(400), UpstreamFailed("500")], ids=str)
@pytest.mark.parametrize("count", [1, 2, 8, 32, 33])
async def test_a_poisonous_text_fails_alone(count: int, error: Exception) -> None:
    texts = [str(number) for number in range(count)]
    guilty = texts[count // 3]
    model = Model([guilty], error)
    line = coalescer(model)
    got = await outcomes([line.ask(text) for text in texts])
    assert got == [error if text == guilty else f"<{text}>" for text in texts]
    assert len(model.calls) - 1 <= 2 * math.ceil(math.log2(count)) + 1


@given(st.integers(1, 70), st.sets(st.integers(0, 69), min_size=1), st.booleans())
def test_each_poisonous_text_costs_few_calls(count: int, guilty: set[int], named: bool) -> None:
    async def scenario() -> None:
        poison = [str(number) for number in sorted(guilty) if number < count]
        error = InputFailed("500", "model m failed on this input") if named else InputRefused(400)
        model = Model(poison, error)
        line = coalescer(model, max_texts_per_call=100)
        texts = [str(number) for number in range(count)]
        got = await outcomes([line.ask(text) for text in texts])
        assert got == [error if text in poison else f"<{text}>" for text in texts]
        most = len(poison) * (2 * math.ceil(math.log2(count)) + 1) if count > 1 else 0
        assert len(model.calls) - 1 <= min(most, 2 * count)

    asyncio.run(scenario())


async def test_a_server_that_works_at_times_is_asked_for_every_text() -> None:
    texts = [str(number) for number in range(64)]
    model = Model(texts[:32:2], error := UpstreamFailed("500"))
    line = coalescer(model)
    got = await outcomes([line.ask(text) for text in texts])
    assert got == [error if text in model.poison else f"<{text}>" for text in texts]


async def test_a_server_that_fails_whatever_it_is_asked_is_soon_let_be() -> None:
    texts = [str(number) for number in range(64)]
    error = UpstreamFailed("500")
    model = Model(texts, error)
    assert await outcomes([coalescer(model).ask(text) for text in texts[:1]]) == [error]
    line = coalescer(model)
    model.calls.clear()
    assert await outcomes([line.ask(text) for text in texts]) == [error] * 64
    assert len(model.calls) == 1 + 2 + 4 + 8


@pytest.mark.parametrize("error", [UpstreamUnavailable("down"), ValueError("bug")], ids=str)
async def test_other_errors_fail_all_at_once(error: Exception) -> None:
    model = Model(["b"], error)
    line = coalescer(model)
    assert await outcomes([line.ask(text) for text in "abc"]) == [error] * 3
    assert len(model.calls) == 1


async def test_too_few_answers_go_to_nobody() -> None:
    async def forget_one(texts: Sequence[str], _: float | None) -> Sequence[str]:
        return texts[1:]

    line = Coalescer(forget_one, LIMITS, lambda texts, seconds: None)
    got = await outcomes([line.ask(text) for text in "abc"])
    assert [type(one) for one in got] == [RuntimeError] * 3


async def test_a_full_line_refuses() -> None:
    model = Model()
    model.open.clear()
    line = coalescer(model, max_waiting_texts=2, max_calls_in_flight=1)
    running = line.ask("a")
    await turns()
    waiting = [line.ask("b"), line.ask("c")]
    with pytest.raises(Overloaded):
        line.ask("d")
    model.open.set()
    assert await outcomes([running, *waiting]) == ["<a>", "<b>", "<c>"]


async def test_closing_answers_everybody() -> None:
    model = Model()
    model.open.clear()
    line = coalescer(model, max_calls_in_flight=1)
    running = line.ask("a")
    await turns()
    waiting = line.ask("b")
    line.close()
    got = await outcomes([running, waiting])
    assert [type(one) for one in got] == [Draining, Draining]
    with pytest.raises(Draining):
        line.ask("c")


async def test_every_call_is_reported() -> None:
    seen: list[int] = []
    line = Coalescer(Model(["b"]).infer, LIMITS, lambda texts, seconds: seen.append(texts))
    await outcomes([line.ask(text) for text in "ab"])
    assert seen == [2, 1, 1]


@given(
    st.lists(st.tuples(st.text(max_size=3), st.integers(0, 3), st.booleans()), max_size=40),
    st.sets(st.text(max_size=3), max_size=5),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_everybody_gets_exactly_their_own_reply(
    arrivals: list[tuple[str, int, bool]], poison: set[str], per_call: int, in_flight: int
) -> None:
    async def scenario() -> None:
        model = Model(list(poison))
        line = coalescer(model, max_texts_per_call=per_call, max_calls_in_flight=in_flight)
        replies = []
        for text, pause, leaves in arrivals:
            replies.append(line.ask(text))
            await turns(pause)
            if leaves:
                replies[-1].cancel()
        got = await asyncio.wait_for(outcomes(replies), timeout=10)
        for (text, _, leaves), reply in zip(arrivals, got, strict=True):
            if not (leaves and isinstance(reply, asyncio.CancelledError)):
                assert reply == (model.error if text in poison else f"<{text}>")
        assert model.most_running <= in_flight
        assert all(len(call) <= per_call for call in model.calls)
        await turns()
        assert (len(line.line), line.calls_in_flight) == (0, 0)

    asyncio.run(scenario())


class BusyModel(Model):
    """Says that it is busy, so often."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def infer(self, texts: Sequence[str], deadline: float | None) -> list[str]:
        answers = await super().infer(texts, deadline)
        if self.times:
            self.times -= 1
            raise UpstreamBusy("503", retry_after=3)
        return answers


async def test_while_the_server_is_busy_the_texts_wait() -> None:
    model = BusyModel(times=2)
    line = coalescer(model)
    assert await outcomes([line.ask(text) for text in "abc"]) == ["<a>", "<b>", "<c>"]
    assert model.calls == [["a", "b", "c"]] * 3


async def test_a_server_that_stays_busy_is_believed() -> None:
    model = BusyModel(times=1_000_000)
    line = Coalescer(model.infer, replace(LIMITS, max_waiting_seconds=0.05), lambda *_: None)
    [error] = await outcomes([line.ask("a")])
    assert isinstance(error, UpstreamBusy)
    assert error.retry_after == 3
    assert len(model.calls) > 1


async def test_a_text_whose_caller_left_is_not_asked_for_again() -> None:
    model = BusyModel(times=1)
    line = coalescer(model)
    stays, leaves = line.ask("a"), line.ask("b")
    while model.times:
        await asyncio.sleep(0)
    line.leave(leaves)
    assert await stays == "<a>"
    assert model.calls == [["a", "b"], ["a"]]


async def test_a_call_that_nobody_awaits_any_more_is_cancelled() -> None:
    model = Model()
    model.open.clear()
    line = coalescer(model, max_texts_per_call=2)
    replies = [line.ask(text) for text in "abcd"]
    await turns()
    assert model.running == 2
    for reply in replies[:3]:
        line.leave(reply)
    await turns()
    assert model.running == 1
    model.open.set()
    assert await replies[3] == "<d>"


async def test_a_call_has_a_deadline_when_all_its_texts_have_one() -> None:
    model = Model()
    line = coalescer(model)
    soon, later = time.monotonic() + 60, time.monotonic() + 90
    await outcomes([line.ask("a", deadline=soon), line.ask("b", deadline=later)])
    await outcomes([line.ask("c", deadline=soon), line.ask("d")])
    assert model.deadlines == [later, None]


async def test_callers_share_a_call_and_its_room() -> None:
    model = Model()
    model.open.clear()
    line = coalescer(model, max_calls_in_flight=1, max_texts_per_call=2, max_waiting_texts=3)
    first = line.ask("first", "greedy")
    await turns()
    greedy = [line.ask(f"g{number}", "greedy") for number in range(3)]
    modest = line.ask("m", "modest")
    model.open.set()
    got = await outcomes([first, *greedy, modest])
    assert got[:3] == ["<first>", "<g0>", "<g1>"]
    assert isinstance(got[3], Displaced)
    assert got[4] == "<m>"
    assert model.calls == [["first"], ["g0", "m"], ["g1"]]
