"""T25: who sends more than its rate is told when to come back, whatever the time of day becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import Launch, Runtime
from tests.reliability.gateways import gateway_before

DAY = 86_400
CLOCK = """
import time
from pathlib import Path

_time, _time_ns = time.time, time.time_ns


def _ahead():
    return int(Path({offset!r}).read_text())


time.time = lambda: _time() + _ahead()
time.time_ns = lambda: _time_ns() + _ahead() * 10**9
"""
"""What Python imports before anything else: a time of day that is as far ahead as a file says."""

SetClock = Callable[[int], object]


@pytest.fixture(scope="module")
def offset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("clock") / "offset"
    file.write_text("0")
    return file


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime, offset: Path) -> Iterator[Runtime]:
    (offset.parent / "sitecustomize.py").write_text(CLOCK.format(offset=str(offset)))
    path = {"PYTHONPATH": str(offset.parent), "CHORUS_RATE_LIMIT": "5/second"}
    server = gateway_before(launch, faulty, "process", **path)
    yield server
    server.end()


async def ask(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.post("/process", json="a", headers={"authorization": f"Bearer {key}"})


async def until_refused(client: httpx.AsyncClient, key: str) -> httpx.Response:
    for _ in range(1000):
        response = await ask(client, key)
        if response.status_code != 200:
            return response
    raise AssertionError("1000 requests were let in")


async def test_t25_right_after_retry_after_it_works(gateway: Runtime) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        refused = await until_refused(client, "one")
        assert refused.status_code == 429
        assert list(refused.json()) == ["error"]
        assert refused.headers["ratelimit-policy"] == '"caller";q=5;w=1'
        wait = int(refused.headers["retry-after"])
        assert refused.headers["ratelimit"] == f'"caller";r=0;t={wait}'
        assert (await ask(client, "other")).status_code == 200, "each has its own rate"
        await asyncio.sleep(wait)
        assert (await ask(client, "one")).status_code == 200


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
async def test_t25_a_jump_of_the_clock_gives_and_takes_nothing(
    gateway: Runtime, offset: Path, jump: int
) -> None:
    key = f"jump {jump}"
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        await until_refused(client, key)
        offset.write_text(str(jump))
        again = await asyncio.gather(*(ask(client, key) for _ in range(20)))
        assert 429 in {response.status_code for response in again}, "the bucket is not full"
        assert all(int(response.headers.get("retry-after", 1)) == 1 for response in again)
        await asyncio.sleep(1)
        assert (await ask(client, key)).status_code == 200
        offset.write_text("0")
