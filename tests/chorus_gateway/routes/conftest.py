"""A gateway in this process, in front of a V2 server behind a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from tests.chorus_gateway.v2_server import V2Server

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings


@pytest.fixture
async def v2() -> AsyncIterator[V2Server]:
    server = V2Server(
        classifier="text-classification",
        generator="text-generation",
        detector="object-detection",
        shot="zero-shot-classification",
        listener="automatic-speech-recognition",
        speaker="text-to-audio",
    )
    async with server.running():
        yield server


@pytest.fixture
async def other() -> AsyncIterator[V2Server]:
    """A server of somebody else, which the gateway may ask."""
    async with V2Server(theirs=None).running() as server:
        yield server


@pytest.fixture
async def tasks_app(v2: V2Server, other: V2Server) -> AsyncIterator[FastAPI]:
    settings = Settings(
        upstream=v2.url,
        models=tuple(v2.tasks),
        allowed_servers=(other.url,),
        max_media_body_bytes=100_000,
        max_requests_in_flight=2,
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def tasks(tasks_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    in_process = httpx.ASGITransport(tasks_app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=in_process, base_url="http://gateway") as client:
        yield client
