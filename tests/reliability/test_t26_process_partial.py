"""T26: a model of /process fails, or is slow: an error that says so, and never an answer less."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.conftest import Launch, Runtime
from tests.reliability.gateways import gateway_before

MODELS = ["left", "right"]


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime) -> Iterator[Runtime]:
    server = gateway_before(launch, faulty, "process", CHORUS_UPSTREAM_TIMEOUT="1.5")
    yield server
    server.end()


@pytest.fixture
async def client(gateway: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("word", ["poison", "nan"])
async def test_t26_the_model_that_failed_is_named_and_nobody_else_is_hurt(
    client: httpx.AsyncClient, word: str
) -> None:
    texts = [f"text {number}" for number in range(30)]
    texts.insert(20, f"the {word} ")
    responses = await asyncio.gather(*(client.post("/process", json=text) for text in texts))
    failed = responses.pop(20)
    assert failed.status_code == 502
    assert failed.json()["error"] in {
        f"the model server failed: model {model} failed on this input" for model in MODELS
    }
    for response in responses:
        assert response.status_code == 200
        assert list(response.json()) == MODELS


async def test_t26_a_slow_model_is_waited_for_as_long_as_the_caller_says(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        "/process", json="sleep:0.4", headers={"x-request-timeout-ms": "200"}
    )
    assert response.status_code == 504
    assert "x-request-timeout" in response.json()["error"]
    await asyncio.sleep(0.8)  # both models sleep, and nobody awaits them
    assert (await client.post("/process", json="a")).status_code == 200


async def test_t26_a_slow_model_is_not_waited_for_for_ever(client: httpx.AsyncClient) -> None:
    response = await client.post("/process", json="sleep:1.2")
    assert response.status_code == 504
    assert response.json() == {"error": "the model server did not answer in time"}
    await asyncio.sleep(1.2)  # both models sleep, and nobody awaits them
    assert (await client.post("/process", json="a")).status_code == 200


async def test_t26_the_documentation_says_so(client: httpx.AsyncClient) -> None:
    operation = (await client.get("/openapi.json")).json()["paths"]["/process"]["post"]
    assert "All of it or an error" in operation["description"]
    assert {"502", "503", "504"} <= set(operation["responses"])
