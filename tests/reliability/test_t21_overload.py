"""T21, T22 and T24: more arrives than can be answered, at a gateway and from one of its callers.

The device sleeps for a while per batch and per token, about 300 texts/s, so that neither the
clients nor the servers are what is overloaded, but the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conftest import Launch, Runtime
from tests.reliability.conftest import FAULTY
from tests.reliability.gateways import gateway_before
from tests.reliability.open_loop import (
    V2,
    Callers,
    Outcome,
    accepted,
    most_waiting,
    per_second,
    percentile,
    refused,
)

DEVICE = 300  # texts/s that the sleeping device can do
CALL = 64  # texts in one of the gateway's calls; two of them run
CLIENTS = 4 * CALL  # keep both calls full, and the line never empty nor full
FLOOR = 256  # texts that may always wait
LONGEST_WAIT = 1.0  # seconds of work that may wait beyond them
SLACK = 2.0  # the machine may be busy with something else


@pytest.fixture(scope="module")
def slow_models(launch: Launch) -> Iterator[Runtime]:
    """About 300 texts/s, at the same cost for the CPU as a fast device."""
    pace = {"CHORUS_FAULTY_BATCH_SECONDS": "0.01", "CHORUS_FAULTY_TOKEN_SECONDS": "7e-5"}
    server = launch(FAULTY, environment=pace).wait_until_ready("left", "right", "process")
    yield server
    server.end()


@pytest.fixture(scope="module")
def gateway(launch: Launch, slow_models: Runtime) -> Iterator[Runtime]:
    server = gateway_before(launch, slow_models, "process")
    yield server
    server.end()


@pytest.fixture
async def callers(gateway: Runtime) -> AsyncIterator[Callers]:
    some = Callers(gateway.ports.http)
    yield some
    some.close()


def more_than_fits(times: float, capacity: float) -> float:
    """Texts/s that are that many times too much, also where a busy machine measured too little."""
    return times * max(capacity, DEVICE)


async def capacity_of(callers: Callers, seconds: float) -> float:
    """Texts/s that are answered when there is always one waiting."""
    outcomes = await callers.at_once(CLIENTS, seconds)
    begin = min(outcome.due for outcome in outcomes)
    assert len(accepted(outcomes)) == len(outcomes), "closed loops below the floor are served"
    return per_second(outcomes, begin + seconds / 3, begin + seconds)


async def alone(callers: Callers, times: int = 5) -> float:
    """Seconds of a lone request."""
    outcomes = [await one(callers) for _ in range(times)]
    return percentile(outcomes, 0.5)


async def one(callers: Callers) -> Outcome:
    [outcome] = await callers.at_a_rate(1000, 0.001)
    return outcome


async def test_t21_a_full_line_refuses_at_once_and_stays_within_its_bound(
    gateway: Runtime, callers: Callers
) -> None:
    capacity = await capacity_of(callers, 1.2)
    ended = asyncio.Event()
    watch = asyncio.create_task(most_waiting(gateway.url, ended))
    outcomes = await callers.at_a_rate(more_than_fits(4, capacity), 1.5)
    ended.set()
    most = await watch
    no = refused(outcomes)
    print(  # noqa: T201
        f"\nT21: {capacity:.0f} texts/s, 4x arrivals: {len(no)} of {len(outcomes)} refused in "
        f"p50 {percentile(no, 0.5) * 1e3:.0f} ms, p99 {percentile(no, 0.99) * 1e3:.0f} ms; "
        f"at most {most:.0f} waited"
    )
    assert all(outcome.is_own for outcome in outcomes)
    assert {outcome.status for outcome in outcomes} == {200, 503}
    assert all(1 <= int(outcome.retry_after or 0) <= 60 for outcome in no)
    assert most <= max(FLOOR, capacity * LONGEST_WAIT) * SLACK
    assert percentile(no, 0.5) < LONGEST_WAIT / 2, "a refusal does not wait in any line"


async def overload(callers: Callers, seconds: float) -> None:
    """T22: what is measured of it, and what must hold however busy the machine is."""
    before = await alone(callers)
    capacity = await capacity_of(callers, max(1.5, seconds / 10))
    outcomes = await callers.at_a_rate(more_than_fits(3, capacity), seconds)
    last = max(outcome.ended for outcome in outcomes)
    after = await one(callers)
    begin, end = outcomes[0].due, max(outcome.due for outcome in outcomes)
    goodput = per_second(outcomes, begin + seconds / 4, end)
    bound = max(FLOOR / capacity, LONGEST_WAIT) + 2 * CALL / capacity
    yes = accepted(outcomes)
    print(  # noqa: T201
        f"\nT22: capacity {capacity:.0f} texts/s, goodput at 3x {goodput / capacity:.3f} of it; "
        f"accepted p50 {percentile(yes, 0.5):.2f} s, p99 {percentile(yes, 0.99):.2f} s of "
        f"{bound:.2f} s; refused p99 {percentile(refused(outcomes), 0.99) * 1e3:.0f} ms; alone "
        f"{before * 1e3:.0f} ms before, {after.seconds * 1e3:.0f} ms from "
        f"{after.due - last:.3f} s after the last answer, {last - end:.2f} s after the last text"
    )
    assert all(outcome.is_own for outcome in outcomes)
    assert {outcome.status for outcome in outcomes} == {200, 503}
    assert after.status == 200
    assert after.ended - last < 1
    assert percentile(yes, 0.5) < bound * SLACK
    assert goodput > capacity / SLACK


async def test_t22_three_times_what_can_be_answered(callers: Callers) -> None:
    await overload(callers, 3)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_t22_three_times_what_can_be_answered_for_a_minute(callers: Callers) -> None:
    await overload(callers, 60)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_t22_the_same_on_the_v2_port(launch: Launch) -> None:
    # A quarter of the texts, since a call for each of them is what keeps this port's process busy.
    pace = {"CHORUS_FAULTY_BATCH_SECONDS": "0.01", "CHORUS_FAULTY_TOKEN_SECONDS": "3e-4"}
    server = launch(FAULTY, environment=pace).wait_until_ready("left", "right", "process")
    callers = Callers(server.ports.http, wire=V2)
    await overload(callers, 60)
    callers.close()
    server.end()


async def shared(gateway: Runtime, seconds: float) -> tuple[list[Outcome], list[Outcome]]:
    """T24: what a modest caller gets alone, and beside one who sends ten times as much."""
    modest, greedy = (Callers(gateway.ports.http, name) for name in ("modest", "greedy"))
    by_itself = await modest.at_a_rate(60, seconds)
    beside, much = await asyncio.gather(
        modest.at_a_rate(60, seconds), greedy.at_a_rate(600, seconds)
    )
    modest.close()
    greedy.close()
    print(  # noqa: T201
        f"\nT24: modest alone p50 {percentile(by_itself, 0.5):.3f} s, p95 "
        f"{percentile(by_itself, 0.95):.3f} s; beside one at 10x p50 {percentile(beside, 0.5):.3f}"
        f" s, p95 {percentile(beside, 0.95):.3f} s, {len(refused(beside))} of {len(beside)} "
        f"refused; the other's {len(refused(much))} of {len(much)} refused, p95 "
        f"{percentile(accepted(much), 0.95):.3f} s"
    )
    assert all(outcome.is_own for outcome in by_itself + beside + much)
    assert len(accepted(by_itself)) == len(by_itself)
    assert refused(much), "it was too much"
    return beside, much


async def test_t24_a_modest_caller_beside_a_greedy_one_is_refused_nothing(
    gateway: Runtime,
) -> None:
    beside, _ = await shared(gateway, 1.5)
    assert len(accepted(beside)) == len(beside)


@pytest.mark.slow
async def test_t24_a_modest_caller_waits_less_than_a_greedy_one(gateway: Runtime) -> None:
    beside, much = await shared(gateway, 20)
    assert len(accepted(beside)) == len(beside)
    assert percentile(beside, 0.95) < percentile(accepted(much), 0.95)
