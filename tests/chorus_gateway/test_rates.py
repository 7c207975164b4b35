from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from tests.chorus_gateway.conftest import FakeTransport

from chorus_gateway.app import create_app
from chorus_gateway.rates import CallerRates, checked_rate, retry_after
from chorus_gateway.settings import Settings


class Clock:
    """Milliseconds, as a test says."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


def spent(rates: CallerRates, caller: str, times: int) -> int:
    """How many of so many requests were let in."""
    return sum(rates.spend(caller).allowed for _ in range(times))


@pytest.mark.parametrize("wrong", ["", "100", "100/day", "0/second", "-1/second", "1.5/second"])
def test_a_wrong_rate_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError, match="100/second"):
        checked_rate(wrong)


@pytest.mark.parametrize("rate", ["1/second", "100/second", "1000/minute", "7/hour"])
def test_a_full_bucket_and_what_flows_in(rate: str) -> None:
    limit, unit = rate.split("/")
    milliseconds = {"second": 1000, "minute": 60_000, "hour": 3_600_000}[unit]
    clock = Clock()
    rates = CallerRates(rate, clock)
    assert spent(rates, "a", int(limit) + 10) == int(limit)
    clock.now += milliseconds
    assert abs(spent(rates, "a", int(limit) + 10) - int(limit)) <= 1


@pytest.mark.parametrize("rate", ["1/second", "100/second", "1000/minute", "7/hour"])
def test_after_retry_after_it_works(rate: str) -> None:
    clock = Clock()
    rates = CallerRates(rate, clock)
    while (decision := rates.spend("a")).allowed:
        pass
    assert retry_after(decision) >= 1
    clock.now += 1000 * retry_after(decision)
    assert rates.spend("a").allowed


def test_callers_have_a_bucket_each() -> None:
    rates = CallerRates("5/minute", Clock())
    assert spent(rates, "a", 9) == 5
    assert spent(rates, "b", 9) == 5


def test_memory_is_bounded_by_whom_was_seen_last() -> None:
    rates = CallerRates("1/hour", Clock(), most_callers=100)
    for number in range(1000):
        rates.spend("always")
        rates.spend(str(number))
    assert len(rates) == 100
    assert not rates.spend("always").allowed
    assert rates.spend("0").allowed, "forgotten"


def test_what_the_fields_say() -> None:
    rates = CallerRates("2/minute", Clock())
    left = [rates.fields("a", rates.spend("a"))["ratelimit"] for _ in range(3)]
    assert left == ['"caller";r=1;t=30', '"caller";r=0;t=30', '"caller";r=0;t=30']
    policy = rates.fields("a", rates.spend("a"))["ratelimit-policy"]
    assert policy == '"caller";q=2;w=60'


@pytest.fixture
def app(transport: FakeTransport) -> FastAPI:
    return create_app(Settings(rate_limit="3/hour"), transport)


async def test_every_route_that_works_spends_of_one_bucket(client: httpx.AsyncClient) -> None:
    asked = [
        await client.post("/process", json="a"),
        await client.post("/predict", json={}),
        await client.get("/classify"),
        await client.post("/process", json="a"),
        await client.post("/models/cardiffnlp/v1/completions", json={}),
        await client.get("/classify?sentence=a"),
    ]
    assert [response.status_code == 429 for response in asked] == [False] * 3 + [True] * 3
    for response in asked:
        assert response.headers["ratelimit-policy"] == '"caller";q=3;w=3600'
        assert response.headers["ratelimit"].startswith('"caller";r=')
    for response in asked[3:]:
        assert list(response.json()) == ["error"]
        assert int(response.headers["retry-after"]) == 1200
    other = await client.post("/process", json="a", headers={"authorization": "Bearer other"})
    assert other.status_code == 200


async def test_probes_metrics_and_pages_are_free(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        for path in ("/healthz", "/readyz", "/metrics", "/", "/docs"):
            response = await client.get(path)
            assert response.status_code == 200
            assert "ratelimit" not in response.headers
    assert (await client.post("/process", json="a")).status_code == 200


async def test_without_a_rate_nothing_is_said_of_it(transport: FakeTransport) -> None:
    at = httpx.ASGITransport(create_app(Settings(), transport))
    async with httpx.AsyncClient(transport=at, base_url="http://gateway") as client:
        assert "ratelimit" not in (await client.post("/process", json="a")).headers
