"""How much memory the requests of a process may take together for what they unpack to.

For one event loop. Callers take turns; within a caller, first come first served. Whose turn it is
waits until there is room: what is small does not overtake what is large for ever.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


class NeverFits(Exception):
    """It is more than there is at all."""


class NoRoom(Exception):
    """It has waited for its turn, and others still have too much."""


@dataclass(eq=False)
class _Turn:
    size: int
    granted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Share:
    """The bytes that one request has, until it ends."""

    def __init__(self, budget: "MemoryBudget", size: int) -> None:
        self._budget = budget
        self._size = size

    def shrink(self, size: int) -> None:
        """Keep so many bytes at most, and give back the others."""
        spare = max(self._size - size, 0)
        self._size -= spare
        self._budget.give_back(spare)


class MemoryBudget:
    """So many bytes, of which requests take a share."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit
        self._turns: OrderedDict[str, deque[_Turn]] = OrderedDict()  # by caller, the next one first

    @property
    def left(self) -> int:
        """Bytes that nobody has."""
        return self._left

    @asynccontextmanager
    async def share(self, size: int, caller: str, patience: float) -> AsyncIterator[Share]:
        """Take so many bytes for as long as the block lasts.

        Raises NeverFits, and NoRoom when the turn has not come after `patience` seconds.
        """
        await self._take(size, caller, patience)
        share = Share(self, size)
        try:
            yield share
        finally:
            share.shrink(0)

    async def _take(self, size: int, caller: str, patience: float) -> None:
        if size > self._limit:
            raise NeverFits
        if size <= self._left and not self._turns:
            self._left -= size
        elif size:
            await self._wait(_Turn(size), caller, patience)

    async def _wait(self, turn: _Turn, caller: str, patience: float) -> None:
        self._turns.setdefault(caller, deque()).append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn.granted
        except BaseException as error:
            if turn.granted.done() and not turn.granted.cancelled():
                self.give_back(turn.size)  # it came in the very moment in which its caller left
            else:
                self._forget(turn, caller)
            if isinstance(error, TimeoutError):
                raise NoRoom from None
            raise

    def _forget(self, turn: _Turn, caller: str) -> None:
        turn.granted.cancel()
        turns = self._turns[caller]
        turns.remove(turn)
        if not turns:
            del self._turns[caller]
        self.give_back(0)  # who comes next may need less

    def give_back(self, size: int) -> None:
        """Return bytes, and let in whose turn it is and who fits."""
        self._left += size
        while self._turns:
            caller, turns = next(iter(self._turns.items()))
            if turns[0].size > self._left:
                return
            turn = turns.popleft()
            self._left -= turn.size
            turn.granted.set_result(None)
            if turns:
                self._turns.move_to_end(caller)
            else:
                del self._turns[caller]
