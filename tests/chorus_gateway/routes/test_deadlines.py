"""Every route of the tasks keeps to the time that a caller gives, and passes on what is left."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.chorus_gateway.v2_server import V2Server, event

from chorus_gateway import codecs


@pytest.fixture(autouse=True)
def _codecs_are_there() -> None:
    codecs.load()  # which takes the first request as long as others may wait


CLASSIFY: dict[str, Any] = {"inputs": "a"}
PREDICT = {
    "hf_pipeline": "text-classification",
    "model_deployed_url": "classifier",
    "inputs": "a",
}
ROUTES = [
    ("/models/classifier", CLASSIFY),
    ("/predict", PREDICT),
    ("/classify?sentence=a&model=classifier", None),
    ("/models/generator", {"inputs": "a", "stream": True}),
    ("/models/generator/v1/completions", {"model": "m", "prompt": "a"}),
    (
        "/models/generator/v1/chat/completions",
        {"model": "m", "messages": [{"role": "user", "content": "a"}]},
    ),
]


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_at_the_deadline_it_is_over(
    tasks: httpx.AsyncClient, v2: V2Server, path: str, body: Any
) -> None:
    v2.gate.clear()
    v2.events = [asyncio.Event()]
    response = await tasks.post(path, json=body, headers={"x-request-timeout": "0.3"})
    assert response.status_code == 504
    assert "x-request-timeout" in response.json()["error"]
    [told] = [headers["x-request-timeout"] for headers in v2.headers]
    assert 0 < float(told) <= 0.3


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_a_time_that_is_none_is_named(
    tasks: httpx.AsyncClient, v2: V2Server, path: str, body: Any
) -> None:
    response = await tasks.post(path, json=body, headers={"x-request-timeout-ms": "soon"})
    assert response.status_code == 400
    assert response.json()["error"].startswith("x-request-timeout-ms: ")
    assert v2.calls == []


async def test_a_stream_that_has_begun_ends_with_an_error(
    tasks: httpx.AsyncClient, v2: V2Server
) -> None:
    v2.events = [event("one"), asyncio.Event()]
    response = await tasks.post(
        "/models/generator",
        json={"inputs": "a", "stream": True},
        headers={"x-request-timeout": "0.5"},
    )
    assert response.status_code == 200
    *_, last = response.text.strip().split("\n\n")
    assert "x-request-timeout" in last
    await asyncio.wait_for(v2.left.wait(), 5)


async def test_whoever_gives_no_time_passes_none_on(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    assert (await tasks.post("/models/classifier", json=CLASSIFY)).status_code == 200
    assert all("x-request-timeout" not in headers for headers in v2.headers)
