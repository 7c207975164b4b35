"""Shares of one budget: taken in turn, and given back whatever happens."""

from __future__ import annotations

import asyncio

import pytest

from chorus_http.media.memory_budget import MemoryBudget, NeverFits, NoRoom

PATIENCE = 60.0


class Holder:
    """A request that takes a share and holds it until it is told to end."""

    def __init__(self, budget: MemoryBudget, size: int, caller: str, log: list[str]) -> None:
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(budget, size, caller, log))

    async def _run(self, budget: MemoryBudget, size: int, caller: str, log: list[str]) -> None:
        async with budget.share(size, caller, PATIENCE):
            log.append(caller)
            await self._end.wait()

    async def end(self) -> None:
        self._end.set()
        await self.task


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def log() -> list[str]:
    return []


async def test_a_share_is_given_back(log: list[str]) -> None:
    budget = MemoryBudget(10)
    async with budget.share(7, "", PATIENCE):
        assert budget.left == 3
    assert budget.left == 10


async def test_a_share_may_shrink_but_never_grow() -> None:
    budget = MemoryBudget(10)
    async with budget.share(7, "", PATIENCE) as share:
        share.shrink(2)
        assert budget.left == 8
        share.shrink(9)
        assert budget.left == 8
    assert budget.left == 10


async def test_a_share_is_given_back_after_an_error() -> None:
    budget = MemoryBudget(10)
    with pytest.raises(ZeroDivisionError):
        async with budget.share(7, "", PATIENCE):
            raise ZeroDivisionError
    assert budget.left == 10


async def test_more_than_there_is_never_waits() -> None:
    with pytest.raises(NeverFits):
        async with MemoryBudget(10).share(11, "", PATIENCE):
            pass


async def test_who_does_not_fit_waits_its_turn(log: list[str]) -> None:
    budget = MemoryBudget(10)
    first, large, small = (
        Holder(budget, size, name, log) for size, name in ((6, "a"), (8, "b"), (1, "c"))
    )
    await settled()
    assert log == ["a"], "the small one does not overtake"
    await first.end()
    await settled()
    assert log == ["a", "b", "c"]
    await large.end()
    await small.end()
    assert budget.left == 10


async def test_callers_take_turns(log: list[str]) -> None:
    budget = MemoryBudget(10)
    names = ["first", *["many"] * 4, "modest"]
    holders = [Holder(budget, 10, name, log) for name in names]
    await settled()
    for holder in (holders[0], holders[1], holders[5], *holders[2:5]):
        await holder.end()
    assert log == ["first", "many", "modest", "many", "many", "many"]
    assert budget.left == 10


async def test_whoever_waits_too_long_is_told_so(log: list[str]) -> None:
    budget = MemoryBudget(10)
    holder = Holder(budget, 10, "a", log)
    await settled()
    with pytest.raises(NoRoom):
        async with budget.share(1, "", 0.05):
            pass
    await holder.end()
    assert budget.left == 10


async def test_who_leaves_while_waiting_makes_room_for_the_next(log: list[str]) -> None:
    budget = MemoryBudget(10)
    first, leaver, last = (
        Holder(budget, size, name, log) for size, name in ((6, "a"), (9, "b"), (4, "c"))
    )
    await settled()
    leaver.task.cancel()
    await settled()
    assert log == ["a", "c"]
    await first.end()
    await last.end()
    assert budget.left == 10


async def test_a_turn_that_comes_as_its_caller_leaves_is_not_lost(log: list[str]) -> None:
    budget = MemoryBudget(10)
    holder = Holder(budget, 10, "a", log)
    waiter = Holder(budget, 10, "b", log)
    await settled()
    holder.task.cancel()
    await asyncio.sleep(0)  # the holder has left; the waiter has its turn, and does not know it
    waiter.task.cancel()
    await asyncio.gather(holder.task, waiter.task, return_exceptions=True)
    assert log == ["a"]
    assert budget.left == 10
