from __future__ import annotations

import httpx
import pytest
from aiohttp import web
from tests.chorus_gateway.v2_server import V2Server

BEST = [{"label": "POSITIVE", "score": 0.5}]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_sentence_in_the_query(tasks: httpx.AsyncClient, v2: V2Server, method: str) -> None:
    for model in ({}, {"model": "classifier"}):
        query = {"sentence": "I love this & more", **model}
        response = await tasks.request(method, "/classify", params=query)
        assert (response.status_code, response.json()) == (200, BEST)
        assert response.headers["x-chorus-weights"] == "standin"
    assert v2.calls[0][1]["inputs"][0]["data"] == ["I love this & more"]


async def test_a_sentence_in_the_body(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    assert (await tasks.post("/classify", json="a text")).json() == BEST
    assert v2.calls[0][1]["inputs"][0]["data"] == ["a text"]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({}, 400, "sentence"),
        ({"sentence": "a", "model": "generator"}, 400, "model: generator is for text-generation"),
        ({"sentence": "a", "model": "nobody"}, 404, "served are"),
        ({"sentence": "a", "top_k": "0"}, 400, "top_k"),
        ({"sentence": "a", "surplus": "0"}, 400, "surplus"),
    ],
)
async def test_refusals(
    tasks: httpx.AsyncClient, query: dict[str, str], status: int, said: str
) -> None:
    response = await tasks.get("/classify", params=query)
    assert response.status_code == status
    assert said in response.json()["error"]


async def test_no_classifier(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.tasks["classifier"] = "fill-mask"
    assert (await tasks.get("/classify?sentence=a")).status_code == 404


async def test_a_server_that_is_down_is_no_missing_classifier(
    tasks: httpx.AsyncClient, v2: V2Server
) -> None:
    v2.answer = lambda _: web.Response(status=500)
    assert (await tasks.get("/classify?sentence=a")).status_code == 502
