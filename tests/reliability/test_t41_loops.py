"""T41: a gateway that is sent to itself, or to another gateway, refuses on the second hop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from tests.chorus_gateway.v2_server import V2Server
from tests.conftest import free_port

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings

from .watched_gateway import IMAGE


@asynccontextmanager
async def gateway(own: V2Server, port: int, *allowed: str) -> AsyncIterator[str]:
    """A gateway behind a real socket, which may ask those; its URL."""
    settings = Settings(
        upstream=own.url, models=tuple(own.tasks), allowed_servers=allowed, media_hosts=allowed
    )
    config = uvicorn.Config(create_app(settings), port=port, log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def requests(client: httpx.AsyncClient, url: str) -> float:
    """How many requests the gateway has answered, but for those of this count."""
    page = (await client.get(f"{url}/metrics")).text
    counts = [
        (line.split(" ")[0], float(line.split(" ")[1]))
        for line in page.splitlines()
        if line.startswith("chorus_gateway_requests_total{")
    ]
    return sum(count for labels, count in counts if '"/metrics"' not in labels)


@pytest.mark.parametrize("hops", ["itself", "another"])
async def test_t41_the_second_hop_refuses(hops: str) -> None:
    ports = (free_port(), free_port())
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    there = urls[0] if hops == "itself" else urls[1]
    async with (
        V2Server(detector="object-detection").running() as own,
        gateway(own, ports[0], *urls) as here,
        gateway(own, ports[1], *urls) as other,
        httpx.AsyncClient(timeout=30) as client,
    ):
        task = {"hf_pipeline": "object-detection"}
        loops = [
            {**task, "model_deployed_url": f"{there}/v2/models/detector/infer", "inputs": IMAGE},
            {**task, "model_deployed_url": there, "inputs": IMAGE},
            {**task, "model_deployed_url": "detector", "inputs": f"{there}/models/detector"},
            {**task, "model_deployed_url": "detector", "inputs": f"{there}/classify?sentence=a"},
        ]
        for body, status in zip(loops, (400, 400, 502, 502), strict=True):
            before = await requests(client, here) + await requests(client, other)
            response = await client.post(f"{here}/predict", json=body)
            assert response.status_code == status, response.text
            after = await requests(client, here) + await requests(client, other)
            # After a 400 it is asked whether the model loads: two questions, refused as well.
            assert after - before == (4 if "/v2/" in str(body) else 2)
        assert own.calls == []
