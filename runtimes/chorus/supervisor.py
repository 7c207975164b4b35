"""Keep a few child processes running as one: start, restart with back-off, stop in order."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from chorus.liveness import Patience, until_dead
from chorus.process import Child, Exit, OnLine, Process


@dataclass(frozen=True)
class Policy:
    """How patient the supervisor is, in seconds."""

    poll: float = 0.2
    first_delay: float = 0.5
    longest_delay: float = 30.0
    settled: float = 5.0  # ready for so long, a child has earned the first delay again
    drain: float = 30.0
    optional_drain: float = 10.0  # it is on its way out alone, while the others still serve
    failures: int = 5  # deaths in a row without getting ready; of an optional child, or settled
    patience: Patience = field(default_factory=Patience)


class ChildDiedError(Exception):
    """A child died before everything was ready, or too often afterwards."""

    def __init__(self, name: str, end: Exit, times: int) -> None:
        super().__init__(f"{name} {end}" + (f", {times} times in a row" if times > 1 else ""))
        self.name = name
        self.end = end


class Supervisor:
    """Starts all children at once.

    Stops the optional ones first, then the last of the others, then all others at once.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        on_line: OnLine,
        on_ready: Callable[[], Awaitable[None]],
        say: Callable[[str], None],
        on_lost: Callable[[ChildDiedError], None] | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._children = children
        self._on_line = on_line
        self._on_ready = on_ready
        self._say = say
        self._on_lost = on_lost or (lambda _: None)
        self._policy = policy or Policy()
        self._processes: dict[str, Process] = {}
        self._new = {child.name for child in children}
        """Those that have not been ready yet."""
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> int:
        """Run until stopped (0; 1 when it was hurried); raise ChildDiedError when a child fails.

        An optional child that fails is given up: `on_lost` is told, and everything goes on.
        """
        keepers = [asyncio.create_task(self._look_after(child)) for child in self._children]
        try:
            await _first(asyncio.gather(*keepers), self._stopping.wait())
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await self._end_all()
        return int(self._hurry.is_set())

    def stop(self) -> None:
        """Stop, letting the children finish their work; a second call kills them."""
        if self._stopping.is_set():
            self._hurry.set()
        else:
            self._say("stopping once the work in flight is done; a second signal kills")
            self._stopping.set()

    @property
    def _is_starting(self) -> bool:
        """Whether any that the others cannot do without has not been ready yet."""
        return any(child.name in self._new for child in self._children if not child.optional)

    async def _look_after(self, child: Child) -> None:
        try:
            await self._keep(child)
        except ChildDiedError as death:
            if not child.optional:
                raise
            self._on_lost(death)

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        delay, failures = self._policy.first_delay, 0
        while True:
            process = await Process.start(child, self._on_line)
            self._processes[child.name] = process
            if child.niceness:
                process.give_way(child.niceness)
            ready = math.inf
            verdict = ""
            if await _first(self._until_ready(child), process.wait()):
                ready = loop.time()
                await self._arrived(child)
                verdict = await self._while_live(child, process)
            end = await process.wait()
            settled = loop.time() - ready >= self._policy.settled
            failures = 0 if settled or (ready < math.inf and not child.optional) else failures + 1
            if failures >= self._policy.failures or (self._is_starting and not child.optional):
                raise ChildDiedError(child.name, end, failures)
            if settled:
                delay = self._policy.first_delay
            self._say(f"{child.name} {end}{verdict}; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            delay = min(2 * delay, self._policy.longest_delay)

    async def _until_ready(self, child: Child) -> None:
        while not await child.ready():  # noqa: ASYNC110 - a process has no event to await
            await asyncio.sleep(self._policy.poll)

    async def _while_live(self, child: Child, process: Process) -> str:
        """Watch a process that is ready until it ends, or end it; in the latter case, why."""
        dead = asyncio.create_task(until_dead(child.live, self._policy.patience))
        if not await _first(dead, process.wait()):
            return ""
        process.kill()
        return f", for it no longer lived ({dead.result()})"

    async def _arrived(self, child: Child) -> None:
        if child.name not in self._new:
            self._say(f"{child.name} is ready again")
            return
        self._new.discard(child.name)
        if not child.optional and not self._is_starting:
            await self._on_ready()

    async def _end_all(self) -> None:
        await asyncio.gather(*(self._end(child) for child in self._children if child.optional))
        *others, last = (child for child in self._children if not child.optional)
        await self._end(last)
        await asyncio.gather(*(self._end(child) for child in others))

    async def _end(self, child: Child) -> None:
        process = self._processes.get(child.name)
        if process is None:
            return
        process.terminate()
        patience = self._policy.optional_drain if child.optional else self._policy.drain
        if await _first(process.wait(), self._hurry.wait(), timeout=patience):
            return
        if not self._hurry.is_set():
            self._say(f"{child.name} did not finish within {patience:g} s; killing it")
        process.kill()
        await process.wait()


async def _first(
    runner: Awaitable[object], rival: Awaitable[object], timeout: float | None = None
) -> bool:
    """Whether `runner` ends before its rival and the timeout; the unfinished are cancelled."""
    tasks = [asyncio.ensure_future(runner), asyncio.ensure_future(rival)]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
            return True
        return False
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
