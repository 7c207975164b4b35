"""A gateway in this process whose connections and lookups are counted."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from tests.chorus_gateway.media.files import png
from tests.chorus_gateway.outbound.names import Asked, watched
from tests.chorus_gateway.v2_server import V2Server

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings

FIELDS = ("model_deployed_url", "inputs")
"""Of /predict, where a caller may send a URL."""

IMAGE = f"data:image/png;base64,{base64.b64encode(png()).decode()}"


@dataclass
class Place:
    """A gateway in this process, and what it asks of the network beside its own server."""

    client: httpx.AsyncClient
    own: V2Server
    asked: Asked

    async def send(self, field: str, url: str) -> httpx.Response:
        body = {
            "hf_pipeline": "object-detection",
            "model_deployed_url": "detector",
            "inputs": IMAGE,
        }
        return await self.client.post("/predict", json={**body, field: url})

    @property
    def connections(self) -> list[object]:
        own = ("127.0.0.1", self.own.port)
        return [address for address in self.asked.connections if address != own]

    @property
    def lookups(self) -> list[object]:
        return [host for host in self.asked.lookups if host != "127.0.0.1"]


@asynccontextmanager
async def gateway(*entries: str, networks: tuple[str, ...] = ()) -> AsyncIterator[Place]:
    """A gateway with these entries on both of its lists."""
    async with V2Server(detector="object-detection").running() as own:
        settings = Settings(
            upstream=own.url,
            models=("detector",),
            allowed_servers=entries,
            allowed_networks=networks,
            media_hosts=entries,
        )
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                with watched() as asked:
                    yield Place(client, own, asked)
