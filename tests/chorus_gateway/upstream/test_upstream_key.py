"""The key that the gateway shows its own model servers, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.chorus_gateway.v2_server import V2Server

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings

KEY = "what-the-gateway-has"
CALLERS = "what-its-caller-has"


@pytest.fixture
async def own() -> AsyncIterator[V2Server]:
    async with V2Server(m="text-classification", process=None).running() as server:
        yield server


@pytest.fixture
async def foreign() -> AsyncIterator[V2Server]:
    async with V2Server(m="text-classification").running() as server:
        yield server


@pytest.fixture
async def client(own: V2Server, foreign: V2Server) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        upstream=own.url,
        models=("m", "process"),
        allowed_servers=(foreign.url,),
        servers={"elsewhere": f"{foreign.url}/v2/models/m"},
        api_keys=CALLERS,
        upstream_key=KEY,
    )
    app = create_app(settings)
    headers = {"authorization": f"Bearer {CALLERS}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://a", headers=headers
        ) as client,
    ):
        yield client


async def test_own_servers_get_it_with_every_request(
    client: httpx.AsyncClient, own: V2Server
) -> None:
    await client.get("/readyz")
    await client.post("/process", json="a text")
    for path in ("/models/m", "/models/unknown"):
        await client.post(path, json={"inputs": "a text"})
    await client.post("/models/m/v1/completions", json={"prompt": "a", "stream": True})
    assert {"process", "m", "index"} <= {*own.asked, *(path.split("/")[3] for path, _ in own.calls)}
    assert own.keys == {f"Bearer {KEY}"}


async def test_foreign_servers_get_none(
    client: httpx.AsyncClient, foreign: V2Server, own: V2Server
) -> None:
    body = {"hf_pipeline": "text-classification", "inputs": "a text"}
    for url in (f"{foreign.url}/v2/models/m/infer", "elsewhere"):
        answer = await client.post("/predict", json={**body, "model_deployed_url": url})
        assert answer.status_code == 200, answer.text
    await client.get("/models/elsewhere/health")
    await client.post("/models/elsewhere", json={"inputs": "a text"})
    assert foreign.calls
    assert foreign.keys == {None}


async def test_without_one_nothing_is_sent(own: V2Server) -> None:
    app = create_app(Settings(upstream=own.url, models=("m",)))
    sent = {"authorization": f"Bearer {CALLERS}"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://a", headers=sent) as client,
    ):
        assert (await client.post("/models/m", json={"inputs": "a"})).status_code == 200
    assert own.keys == {None}
