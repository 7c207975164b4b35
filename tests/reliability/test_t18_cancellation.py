"""Callers who leave, waiting or running: their peers are answered, and nothing waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import pytest
from tests.conftest import Runtime
from tests.live.callers import Clients, clients_of, until
from tests.live.protocol import Answer, request, tensor

ROWS = "chorus_engine_batch_rows_sum"
BATCHES = "chorus_engine_batch_rows_count"
DROPPED = "chorus_engine_dropped_texts_total"
IN_FLIGHT = "chorus_engine_texts_in_flight"
CALLERS = 9
LEAVING = (0, CALLERS // 2, CALLERS - 1)  # the first, one in the middle, the last

pytestmark = pytest.mark.parametrize("transport", ["grpc", "rest"])


def ask(clients: Clients, transport: str, text: str) -> asyncio.Task[Answer]:
    call: Awaitable[Answer] = getattr(clients, transport)(request(tensor([text])), "left")
    return asyncio.ensure_future(call)


def assert_own(answer: Answer, text: str) -> None:
    from chorus_faulty import score_of

    assert answer.status == 200, answer
    (result,) = answer.results
    label, score = score_of(text)
    assert result["label"] == label
    assert result["score"] == pytest.approx(score, abs=1e-6)


async def busy(server: Runtime, clients: Clients, seconds: float) -> asyncio.Task[Answer]:
    """Something else runs."""
    await until(lambda: server.metric(IN_FLIGHT) == 0, "an idle server")
    began = server.metric(BATCHES)
    work = ask(clients, "grpc", f"sleep:{seconds}")
    await until(lambda: server.metric(BATCHES) > began, "the device at work")
    return work


async def leave(tasks: Sequence[asyncio.Task[Answer]]) -> None:
    for number in LEAVING:
        tasks[number].cancel()
    await asyncio.gather(*(tasks[number] for number in LEAVING), return_exceptions=True)


async def assert_peers(tasks: Sequence[asyncio.Task[Answer]], texts: Sequence[str]) -> None:
    """Who stayed has an answer, and it is their own."""
    for number, text in enumerate(texts):
        if number not in LEAVING:
            assert_own(await tasks[number], text)


async def test_t18_who_leaves_the_line_is_not_computed(faulty: Runtime, transport: str) -> None:
    texts = [f"caller {n}" for n in range(CALLERS)]
    async with clients_of(faulty) as clients:
        work = await busy(faulty, clients, 1.5)
        rows, dropped = faulty.metric(ROWS), faulty.metric(DROPPED)
        tasks = [ask(clients, transport, text) for text in texts]
        await until(lambda: faulty.metric(IN_FLIGHT) == CALLERS + 1, "all arrivals")
        await leave(tasks)
        assert not work.done(), "nobody waits: the work was too short for this test"
        await assert_peers(tasks, texts)
        await until(lambda: faulty.metric(DROPPED) - dropped == len(LEAVING), "those who left")
        await until(lambda: faulty.metric(IN_FLIGHT) == 0, "nothing left in flight")
    assert faulty.metric(ROWS) - rows == CALLERS - len(LEAVING)


async def test_t18_who_leaves_a_running_batch_takes_nobody_along(
    faulty: Runtime, transport: str
) -> None:
    texts = [f"caller {n} sleep:0.6" for n in range(CALLERS)]
    async with clients_of(faulty) as clients:
        work = await busy(faulty, clients, 0.4)
        batches = faulty.metric(BATCHES)
        tasks = [ask(clients, transport, text) for text in texts]
        assert (await work).status == 200
        await until(lambda: faulty.metric(BATCHES) > batches, "their batch")
        assert not any(task.done() for task in tasks), "it has ended: it was too short"
        await leave(tasks)
        await assert_peers(tasks, texts)
        await until(lambda: faulty.metric(IN_FLIGHT) == 0, "nothing left in flight")
        assert_own(await ask(clients, transport, "and the next"), "and the next")


async def test_t18_a_line_of_which_everybody_leaves_costs_nothing(
    faulty: Runtime, transport: str
) -> None:
    async with clients_of(faulty) as clients:
        work = await busy(faulty, clients, 1.5)
        rows = faulty.metric(ROWS)
        tasks = [ask(clients, transport, f"caller {n}") for n in range(60)]
        await until(lambda: faulty.metric(IN_FLIGHT) == 61, "all arrivals")
        assert not work.done(), "nobody waits: the work was too short for this test"
        for task in tasks:
            task.cancel()
        await asyncio.gather(work, *tasks, return_exceptions=True)
        await until(lambda: faulty.metric(IN_FLIGHT) == 0, "nothing left in flight")
        assert faulty.metric(ROWS) == rows
        assert_own(await ask(clients, transport, "and the next"), "and the next")
