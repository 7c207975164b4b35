"""T35: memory that runs out makes batches smaller for a while, and nobody's request fails.

A device that is lost is T30.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.conftest import Launch, Runtime
from tests.live.callers import clients_of
from tests.live.protocol import request, tensor
from tests.reliability.conftest import FAULTY
from tests.reliability.devices import counted

BUDGET = "chorus_engine_batch_budget_tokens"
OUT_OF_MEMORY = "chorus_engine_out_of_memory_total"
# Eight rows of them fit into the memory.
TEXTS = [f"caller {n:02} oom:8" for n in range(64)]
CROWD = request(tensor(TEXTS))


@pytest.fixture
def server(launch: Launch) -> Runtime:
    return launch(FAULTY, "--models", "left").wait_until_ready("left")


async def test_t35_too_little_memory_fails_nobody(server: Runtime) -> None:
    from chorus_faulty import score_of

    whole = counted(server, BUDGET)
    async with clients_of(server) as clients:
        failures = []
        for ask in (clients.rest, clients.grpc):
            results = (await ask(CROWD, "left")).results
            for text, result in zip(TEXTS, results, strict=True):
                label, score = score_of(text)
                assert result["label"] == label
                assert result["score"] == pytest.approx(score, abs=1e-6)
            failures.append(counted(server, OUT_OF_MEMORY))
        assert counted(server, BUDGET) <= 8 * len(TEXTS[0]) < whole
        assert failures[0] > 0
        assert failures[1] == failures[0], "the smaller batches failed again"
        alone = await clients.rest(request(tensor(["oom:0"])), "left")
        assert (alone.status, alone.error) == (500, "model left ran out of memory on this input")


@pytest.mark.slow
async def test_t35_the_batches_grow_back(server: Runtime) -> None:
    whole = counted(server, BUDGET)
    async with clients_of(server) as clients:
        assert (await clients.rest(CROWD, "left")).status == 200
        shrunk = counted(server, BUDGET)
        async with asyncio.timeout(60):
            while counted(server, BUDGET) < whole:
                assert (await clients.rest(request(tensor(["a text"])), "left")).status == 200
                await asyncio.sleep(0.5)
    assert shrunk < whole / 2
