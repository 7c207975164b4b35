"""T25 with keys: each has its own rate and its own number of requests at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.conftest import Launch, Runtime
from tests.reliability import key_files
from tests.reliability.gateways import gateway_before
from tests.reliability.key_files import Key

SLOW = Key("slow", "rate=3/hour")
NARROW = Key("narrow", "concurrency=2 rate=1000/second")
USUAL = Key("usual")
METERED = {"CHORUS_RATE_LIMIT": "9/hour"}


@pytest.fixture(scope="module")
def gateway(
    launch: Launch, faulty: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    key_files.write(file, SLOW, NARROW, USUAL)
    settings = {"CHORUS_API_KEYS_FILE": str(file)} | METERED
    server = gateway_before(launch, faulty, "process", **settings)
    yield server
    server.end()


@pytest.fixture
async def client(gateway: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client:
        yield client


async def ask(client: httpx.AsyncClient, key: Key, text: str = "a") -> httpx.Response:
    return await client.post("/process", json=text, headers=key.header)


async def test_t25_a_key_has_the_rate_of_its_line_or_the_settings(
    client: httpx.AsyncClient,
) -> None:
    for key, limit in ((SLOW, 3), (USUAL, 9)):
        answers = [await ask(client, key) for _ in range(limit + 1)]
        assert [answer.status_code for answer in answers] == [200] * limit + [429]
        assert answers[-1].headers["ratelimit-policy"] == f'"caller";q={limit};w=3600'
        assert int(answers[-1].headers["retry-after"]) > 0
        assert list(answers[-1].json()) == ["error"]
    free = await client.get("/models/process/health", headers=SLOW.header)
    assert free.status_code != 429, "only work spends of the rate"


async def test_t25_a_key_has_so_many_requests_at_a_time(
    client: httpx.AsyncClient,
) -> None:
    asked = await asyncio.gather(*(ask(client, NARROW, f"{n} sleep:0.5") for n in range(3)))
    [refused] = [answer for answer in asked if answer.status_code != 200]
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert "at a time" in refused.json()["error"]
    assert (await ask(client, NARROW)).status_code == 200, "the places are free again"


async def test_t25_a_key_that_hangs_up_gives_its_place_back(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(2):
        leaving = [asyncio.create_task(ask(client, NARROW, "sleep:0.5")) for _ in range(2)]
        await asyncio.sleep(0.2)
        for one in leaving:
            one.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    async with asyncio.timeout(30):
        while (await ask(client, NARROW)).status_code != 200:
            await asyncio.sleep(0.1)
