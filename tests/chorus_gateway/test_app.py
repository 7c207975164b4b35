"""The application as its clients meet it: a real process, a real model server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeServer, Gateway


@pytest.fixture
async def session(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(gateway.url) as session:
        yield session


async def error_of(response: aiohttp.ClientResponse) -> str:
    body = await response.json()
    assert list(body) == ["error"]
    message: str = body["error"]
    return message


async def test_one_text(session: aiohttp.ClientSession, upstream: FakeServer) -> None:
    async with session.post("/process", json="hé") as response:
        assert (await response.json())["svalabs"] == {"score": 0.52, "label": "svalabs:hé"}
        assert response.headers["x-chorus-weights"] == "folder"
        assert "server" not in response.headers
    assert upstream.calls == [["hé"]]


async def test_many_texts_at_once(session: aiohttp.ClientSession, upstream: FakeServer) -> None:
    upstream.delay = 0.02

    async def ask(number: int) -> str:
        async with session.post("/process", json=f"text {number}") as response:
            label: str = (await response.json())["jy46604790"]["label"]
            return label

    labels = await asyncio.gather(*(ask(number) for number in range(100)))
    assert labels == [f"jy46604790:text {number}" for number in range(100)]
    assert sum(map(len, upstream.calls)) == 100
    assert len(upstream.calls) < 50


async def test_no_model_server(session: aiohttp.ClientSession) -> None:
    async with session.post("/process", json="a") as response:
        assert response.status == 503
        assert int(response.headers["retry-after"]) >= 1
        assert "model server" in await error_of(response)
    async with session.get("/readyz") as response:
        assert response.status == 503
        assert (await response.json())["ready"] is False


async def test_garbage_from_the_model_server(
    session: aiohttp.ClientSession, upstream: FakeServer
) -> None:
    upstream.reply = lambda: web.Response(body=b"\0garbage", content_type="text/html")
    async with session.post("/process", json="a") as response:
        assert response.status == 502
        assert "garbage" not in await error_of(response)


async def test_a_body_over_the_cap(session: aiohttp.ClientSession) -> None:
    async with session.post("/process", json="x" * 100_000) as response:
        assert response.status == 413
        assert "100000 bytes" in await error_of(response)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 1000

    async with session.post(
        "/process", data=chunks(), headers={"content-type": "application/json"}
    ) as response:
        assert response.status == 413
        assert "100000 bytes" in await error_of(response)


async def test_wrong_requests(session: aiohttp.ClientSession) -> None:
    async with session.post("/process", data="a text") as response:
        assert response.status == 415
        assert "application/json" in await error_of(response)
    async with session.post("/process", json=["a"]) as response:
        assert response.status == 422
        assert "JSON string" in await error_of(response)
    async with session.get("/process") as response:
        assert (response.status, response.headers["allow"]) == (405, "POST")
        await error_of(response)
    async with session.get("/nowhere/../etc") as response:
        assert response.status == 404
        assert "etc" not in await error_of(response)


async def test_a_caller_who_leaves_the_queue_is_not_computed(
    session: aiohttp.ClientSession, upstream: FakeServer
) -> None:
    upstream.delay = 0.5
    asked = []
    for text in ("first", "second", "leaves", "stays"):
        asked.append(asyncio.create_task(session.post("/process", json=text)))
        await asyncio.sleep(0.05)
    asked[2].cancel()
    for request in (asked[0], asked[1], asked[3]):
        assert (await request).status == 200
    assert upstream.calls == [["first"], ["second"], ["stays"]]


async def test_the_index_names_pages_that_exist(client: httpx.AsyncClient, app: FastAPI) -> None:
    index = (await client.get("/")).json()
    assert (index["service"], index["version"]) == ("chorus", app.version)
    async with app.router.lifespan_context(app):
        for page in index["links"].values():
            assert (await client.get(page)).status_code in (200, 400, 405)


def test_the_documentation_knows_every_route_and_gives_each_a_summary(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    model = "/models/{name}"
    assert set(paths) == {
        *("/", "/classify", "/healthz", "/metrics", "/models", "/predict", "/process", "/readyz"),
        *(model, f"{model}/health", f"{model}/info"),
        *(f"{model}/v1/completions", f"{model}/v1/chat/completions"),
    }
    assert all(operation["summary"] for path in paths.values() for operation in path.values())
