"""How often a browser is told of a text that grows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chorus_ui.pace import paced

AN_HOUR = 3600.0


async def counting(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


async def failing() -> AsyncIterator[int]:
    yield 0
    raise RuntimeError("halfway")


async def test_what_comes_too_fast_is_left_out_but_for_the_first_and_the_last() -> None:
    assert [number async for number in paced(counting(100), AN_HOUR)] == [0, 99]


async def test_what_comes_slowly_is_all_passed_on() -> None:
    assert [number async for number in paced(counting(5), 0.0)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [0, 1])
async def test_the_shortest(count: int) -> None:
    assert len([number async for number in paced(counting(count), AN_HOUR)]) == count


async def test_an_error_is_passed_on() -> None:
    passed_on = paced(failing(), AN_HOUR)
    assert await anext(passed_on) == 0
    with pytest.raises(RuntimeError, match="halfway"):
        await anext(passed_on)
