from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from chorus_gateway.errors import UpstreamInvalid
from chorus_gateway.generation import Ending, Step
from chorus_gateway.openai.choices import Piece, grow, merge

ENDING = Ending("ab.c", "length", 3, 2)


async def steps(*texts: str, ends: bool = True) -> AsyncGenerator[Step, None]:
    for number, text in enumerate(texts):
        last = ends and number == len(texts) - 1
        yield Step(number, text, False, ENDING if last else None)


async def grown(*texts: str, echo: str = "", stops: tuple[str, ...] = ()) -> list[Piece]:
    return [piece async for piece in grow(0, steps(*texts), echo, stops)]


async def test_a_choice_grows_and_ends() -> None:
    assert await grown("a", "", "b") == [Piece(0, "a"), Piece(0, "b", ENDING, "length")]


async def test_the_prompt_comes_first_if_it_is_echoed() -> None:
    assert (await grown("a", echo="p"))[0] == Piece(0, "p")


async def test_nothing_is_shown_from_the_stop_on_but_the_tokens_are_counted() -> None:
    assert await grown("ab", ".c", "d", stops=(".",)) == [
        Piece(0, "ab"),
        Piece(0, "", ENDING, "stop"),
    ]


async def test_what_was_held_back_comes_with_the_ending() -> None:
    assert await grown("a", "E", stops=("END",)) == [Piece(0, "a"), Piece(0, "E", ENDING, "length")]


async def test_a_choice_that_does_not_end() -> None:
    with pytest.raises(UpstreamInvalid):
        [piece async for piece in grow(0, steps("a", ends=False), "", ())]


class Source:
    """A stream that gives what is put, and knows whether it was closed."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[str | None] = asyncio.Queue()
        self.closed = False

    async def stream(self) -> AsyncGenerator[str, None]:
        try:
            while (item := await self.items.get()) is not None:
                yield item
        finally:
            self.closed = True


async def test_streams_are_merged_as_they_come() -> None:
    one, two = Source(), Source()
    merged = merge([one.stream(), two.stream()])
    for source, item in ((two, "a"), (one, "b"), (two, "c")):
        source.items.put_nowait(item)
        assert await anext(merged) == item
    for source in (one, two):
        source.items.put_nowait(None)
    assert [item async for item in merged] == []


async def test_closing_the_merged_closes_all() -> None:
    sources = [Source(), Source()]
    merged = merge([source.stream() for source in sources])
    sources[0].items.put_nowait("a")
    await anext(merged)
    await merged.aclose()
    assert all(source.closed for source in sources)


async def test_an_error_of_one_ends_all() -> None:
    async def failing() -> AsyncGenerator[str, None]:
        yield "a"
        raise ValueError("no")

    source = Source()
    with pytest.raises(ValueError, match="no"):
        [item async for item in merge([failing(), source.stream()])]
    assert source.closed
