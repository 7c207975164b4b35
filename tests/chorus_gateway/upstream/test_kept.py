from __future__ import annotations

import asyncio

import pytest

from chorus_gateway.upstream.kept import Kept


class Asked:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def __call__(self, name: str) -> str:
        self.names.append(name)
        await self.gate.wait()
        if self.fails:
            raise ValueError(name)
        return f"{name}{len(self.names)}"


async def test_an_answer_holds_for_a_while_and_each_name_has_its_own() -> None:
    asked = Asked()
    kept = Kept(asked, 60)
    assert [await kept.get(name) for name in "aab"] == ["a1", "a1", "b2"]


async def test_an_old_answer_is_asked_for_again() -> None:
    kept = Kept(Asked(), -1)
    assert [await kept.get("a"), await kept.get("a")] == ["a1", "a2"]


@pytest.mark.parametrize("seconds", [60, -1])
async def test_callers_at_the_same_time_share_a_question_and_one_may_leave(seconds: float) -> None:
    """However long it takes: who is slow to answer is not asked the more for that."""
    asked = Asked()
    asked.gate.clear()
    kept = Kept(asked, seconds)
    first, second = (asyncio.create_task(kept.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    asked.gate.set()
    assert await second == "a1"
    assert asked.names == ["a"]


async def test_an_error_is_not_kept() -> None:
    asked = Asked()
    kept = Kept(asked, 60)
    asked.fails = True
    with pytest.raises(ValueError, match="a"):
        await kept.get("a")
    asked.fails = False
    assert await kept.get("a") == "a2"
