"""What one caller may have of the gateway: a rate, and requests at a time."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from tests.chorus_gateway.conftest import FakeTransport

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings
from chorus_gateway.upstream.transport import Reply


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


async def test_a_caller_has_so_many_requests_at_a_time(transport: FakeTransport) -> None:
    go_on = asyncio.Event()

    async def infer(texts: list[str]) -> Reply:
        await go_on.wait()
        return await FakeTransport.answer(texts)

    transport.infer = infer
    at = httpx.ASGITransport(create_app(Settings(max_concurrency=2), transport))
    async with httpx.AsyncClient(transport=at, base_url="http://gateway") as client:

        async def ask(key: str) -> httpx.Response:
            return await client.post("/process", json="a", headers={"authorization": key})

        held = [asyncio.create_task(ask("one")) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await ask("one")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert "at a time" in refused.json()["error"]
        other = asyncio.create_task(ask("other"))
        go_on.set()
        answers = await asyncio.gather(*held, other)
        assert [answer.status_code for answer in answers] == [200] * 3
        assert (await ask("one")).status_code == 200, "the places are free again"
        page = (await client.get("/metrics")).text
        assert 'chorus_gateway_refusals_total{reason="concurrency"} 1.0' in page
