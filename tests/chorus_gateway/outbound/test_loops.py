from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from chorus_gateway.outbound.loops import HOP, SENT_ON


def paths(app: FastAPI) -> list[tuple[str, str]]:
    """Every route and method of the gateway, and some that it does not have."""
    known = [
        (method, route.path.replace("{name}", "m"))
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    ]
    return [*known, ("POST", "/v2/models/m/infer"), ("GET", "/nothing")]


async def test_no_route_answers_a_gateway(app: FastAPI, client: httpx.AsyncClient) -> None:
    for method, path in paths(app):
        response = await client.request(method, path, json="a text", headers=SENT_ON)
        assert response.status_code == 400, (method, path)
        if method != "HEAD":
            assert "from a gateway already" in response.json()["error"]


@pytest.mark.parametrize("value", ["", "0", "2", "x"])
async def test_whatever_the_header_says(client: httpx.AsyncClient, value: str) -> None:
    response = await client.post("/process", json="a text", headers={HOP.upper(): value})
    assert response.status_code == 400


async def test_everybody_else_is_answered(client: httpx.AsyncClient) -> None:
    assert (await client.post("/process", json="a text")).status_code == 200
