"""One soak: start the server, measure it, load it while it is watched, stop it, judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter

from tests.soak.load import capacity, open_loop
from tests.soak.metrics import series_of
from tests.soak.plan import Plan
from tests.soak.sampling import Sample, Sampler
from tests.soak.series import record_of
from tests.soak.serving import exit_code, serving
from tests.soak.subjects import SUBJECTS
from tests.soak.tally import Tally
from tests.soak.target import Target, connected
from tests.soak.verdict import Check, passed, verdict

PROGRESS_S = 1.0


@dataclass(frozen=True)
class Soak:
    """What happened."""

    plan: Plan
    capacity: float
    """Requests per second, of the same mix in a closed loop."""
    rate: float
    samples: Sequence[Sample]
    tally: Tally
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Whether no check has failed."""
        return passed(self.checks)


Show = Callable[[Plan, float, Tally, Sequence[Sample]], None]
"""Called every second of the load with the seconds that have passed."""


async def soak(plan: Plan, log: Path, say: Callable[[str], None], show: Show) -> Soak:
    """Run one. Raises NotServing; whatever happens, the server is stopped."""
    random = Random(plan.seed)
    subject = SUBJECTS[plan.subject]
    say("computing the right answers …")
    truths = await asyncio.to_thread(subject.truths)
    say(f"starting chorus serve on {subject.folder.name}; its log is {log}")
    async with serving(subject.folder, log) as server:
        async with connected(server.ports, truths) as target:
            say(f"measuring its capacity for {plan.measuring_s:.0f} s …")
            most = await capacity(target, plan.measuring_s, random)
            rate = plan.share * most
            say(f"{most:.0f} requests/s; now {rate:.0f}/s for {plan.minutes:g} min")
            sampler, tally = Sampler(server.process.pid, plan.sample_s), Tally()
            loading = open_loop(target, rate, plan.seconds, random, tally)
            metrics = await _watched(loading, plan, target, sampler, tally, show)
        code = await asyncio.to_thread(exit_code, server)
    record = record_of(plan.warmup_s, sampler.samples, metrics, tally, code)
    return Soak(plan, most, rate, sampler.samples, tally, verdict(record))


async def _watched(
    loading: Coroutine[None, None, None],
    plan: Plan,
    target: Target,
    sampler: Sampler,
    tally: Tally,
    show: Show,
) -> dict[str, tuple[int, int]]:
    """Watch the load until it ends; how many metric series there were before and after."""

    async def warm() -> dict[str, int]:
        await asyncio.sleep(plan.warmup_s)
        return await series_of(target)

    async def report() -> None:
        begin = perf_counter()
        while True:
            await asyncio.sleep(PROGRESS_S)
            show(plan, perf_counter() - begin, tally, sampler.samples)

    before = asyncio.create_task(warm())
    load = asyncio.create_task(loading)
    rest = [before, asyncio.create_task(sampler.run()), asyncio.create_task(report())]
    try:
        # The others do not end by themselves, but may fail.
        ended, _ = await asyncio.wait([load, *rest[1:]], return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
        after = await series_of(target)
        return {page: (count, after[page]) for page, count in before.result().items()}
    finally:
        for task in (load, *rest):
            task.cancel()
        await asyncio.gather(load, *rest, return_exceptions=True)
