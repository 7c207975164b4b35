"""A device that is busy for a while, callers who wait behind it, and what the engine counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import Runtime
from tests.live.callers import Clients, until
from tests.live.protocol import Answer, Json, request, tensor

WAITING = "chorus_engine_waiting_texts"
FORWARDS = "chorus_engine_forward_seconds_count"
SPLITS = "chorus_engine_batch_splits_total"
FAILED = "chorus_engine_failed_texts_total"
ROWS = "chorus_engine_batch_rows_sum"


def counted(server: Runtime, *names: str) -> float:
    """The sum of these metrics, over all of their labels."""
    with urlopen(f"http://127.0.0.1:{server.ports.metrics}/metrics", timeout=30) as response:
        page = response.read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name in names
    )


def passes(server: Runtime) -> float:
    """Forward passes so far, if none failed but those of texts that failed in the end."""
    return counted(server, FORWARDS, SPLITS, FAILED)


async def idle(server: Runtime) -> None:
    """Wait until everybody who came is answered."""
    await until(lambda: counted(server, "chorus_engine_texts_in_flight") == 0, "an idle server")


@asynccontextmanager
async def busy(server: Runtime, clients: Clients, seconds: float) -> AsyncIterator[None]:
    """The device works on one text; whoever comes meanwhile must have come when the block ends."""
    await idle(server)
    began = counted(server, ROWS)
    sleep = f"sleep:{seconds}"
    work = asyncio.create_task(clients.grpc(request(tensor([sleep])), "left"))
    await until(lambda: counted(server, ROWS) == began + 1, "the device at work")
    yield
    assert not work.done(), "nobody waits: the work was too short for this test"
    assert (await work).status == 200


async def as_one_batch(
    server: Runtime, clients: Clients, asked: Sequence[Json], seconds: float = 1.2
) -> tuple[list[Answer], float]:
    """Answers to requests by either transport in turn, and the passes that all of them took."""
    await idle(server)
    before = passes(server) + 1  # the one that keeps the device busy
    async with busy(server, clients, seconds):
        tasks = [
            asyncio.create_task(clients.either(number)(each, "left"))
            for number, each in enumerate(asked)
        ]
        await until(lambda: counted(server, WAITING) == len(asked), "all arrivals")
    return list(await asyncio.gather(*tasks)), passes(server) - before


def assert_own(answer: Answer, text: str) -> None:
    """The answer is the text's own, and nobody else's."""
    from chorus_faulty import score_of

    assert answer.status == 200, answer
    (result,) = answer.results
    label, score = score_of(text)
    assert result["label"] == label
    assert result["score"] == pytest.approx(score, abs=1e-6)
