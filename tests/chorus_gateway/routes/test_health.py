from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI

from chorus_gateway.readiness import FRESH_SECONDS
from chorus_gateway.settings import Settings
from chorus_gateway.upstream.transport import Reply

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeTransport

MODELS = Settings.model_fields["models"].default


async def weights(client: httpx.AsyncClient) -> str | None:
    response = await client.post("/process", content=b'"a"')
    return dict(response.headers).get("x-chorus-weights")


async def test_live_whatever_the_models_do(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    transport.ready = Reply(503, b"")
    response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"live": True})


async def test_ready_when_every_model_is(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "models": dict.fromkeys(MODELS, True),
        "discovery": True,
    }
    asked = {path for _, path, _ in transport.requests}
    assert asked == {f"/v2/models/{model}/ready" for model in MODELS}


async def test_unready_when_a_model_is(client: httpx.AsyncClient, transport: FakeTransport) -> None:
    transport.ready = Reply(503, b"")
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "models": dict.fromkeys(MODELS, False),
        "discovery": True,
    }


async def test_unready_until_the_servers_of_the_cluster_are_known(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    app.state.readiness.is_synced = lambda: False
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert (response.json()["ready"], response.json()["discovery"]) == (False, False)


async def test_unready_while_draining_and_connections_are_let_go(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    app.state.readiness.draining = True
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["ready"]) == (503, False)
    assert response.headers["connection"] == "close"
    answer = await client.post("/process", content=b'"a"')
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")


async def test_the_weights_are_asked_for_again_when_readiness_flips(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    await client.get("/readyz")
    assert await weights(client) == "standin"
    transport.metadata = Reply(200, b'{"parameters": {"weights": "hub"}}')
    await client.get("/readyz")
    assert await weights(client) == "standin", "ready as before: nothing to ask"
    for state in (503, 200):
        transport.ready = Reply(state, b"")
        await asyncio.sleep(FRESH_SECONDS)
        await client.get("/readyz")
    assert await weights(client) == "hub"


async def test_weights_that_could_not_be_had_are_asked_for_again(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    good, transport.metadata = transport.metadata, Reply(500, b"")
    assert await weights(client) is None
    transport.metadata = good
    assert await weights(client) == "standin"


async def test_metrics_are_in_prometheus_format(client: httpx.AsyncClient) -> None:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE chorus_gateway_requests_total counter" in response.text
