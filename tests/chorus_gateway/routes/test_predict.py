from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI
from PIL import Image
from tests.chorus_gateway.v2_server import V2Server, error, output

from chorus_gateway.upstream.deployed_url import REFUSAL

BEST = [{"label": "POSITIVE", "score": 0.5}]
BOX = {"score": 0.9, "label": "table", "box": {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1}}


def body(task: str, where: str, inputs: Any = "a text", **parameters: Any) -> dict[str, Any]:
    return {
        "hf_pipeline": task,
        "model_deployed_url": where,
        "inputs": inputs,
        "parameters": parameters,
    }


def image() -> str:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), "red").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


async def error_of(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    message: str = response.json()["error"]
    return message


@pytest.mark.parametrize("path", ["/predict", "/predict/"])
async def test_a_model_served_here_by_url_or_by_name(
    tasks: httpx.AsyncClient, v2: V2Server, path: str
) -> None:
    url = f"{v2.url}/v2/models/classifier/infer"
    for where in (url, "classifier", url.replace("127.0.0.1", "localhost")):
        response = await tasks.post(path, json=body("text-classification", where))
        assert (response.status_code, response.json()) == (200, BEST)
        assert response.headers["x-chorus-weights"] == "standin"
    assert [path for path, _ in v2.calls] == ["/v2/models/classifier/infer"] * 3
    assert v2.calls[0][1]["inputs"][0]["data"] == ["a text"]


async def test_a_model_elsewhere(tasks: httpx.AsyncClient, v2: V2Server, other: V2Server) -> None:
    for where in (f"{other.url}/v2/models/theirs/versions/3", other.url):
        response = await tasks.post("/predict", json=body("sentiment-analysis", where))
        assert response.json() == BEST
        assert "x-chorus-weights" not in response.headers
    assert v2.calls == []
    versions = ["/v2/models/theirs/versions/3/infer", "/v2/models/theirs/infer"]
    assert [path for path, _ in other.calls] == versions


async def test_the_shapes(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    answer = {"sequence": "a text", "labels": ["x", "y"], "scores": [0.6, 0.4]}
    v2.answer = lambda _: output(answer)
    request = body("zero-shot-classification", "shot", candidate_labels=["x", "y"])

    async def shaped(query: str) -> Any:
        return (await tasks.post(f"/predict{query}", json=request)).json()

    assert await shaped("") == await shaped("?shape=batch") == [answer]
    assert await shaped("?shape=hf") == answer
    assert (await shaped("?shape=client"))[0] == {"label": "x", "score": 0.6}
    response = await tasks.post("/predict?shape=round", json=request)
    assert (await error_of(response, 400)).startswith("shape: ")


async def test_an_image_travels_decoded(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.answer = lambda _: output([BOX])
    response = await tasks.post("/predict", json=body("object-detection", "detector", image()))
    assert response.json() == [[BOX]]
    (tensor,) = v2.calls[0][1]["inputs"]
    assert tensor["parameters"]["content_type"] == "pillow_image"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hf_pipeline": None}, "hf_pipeline"),
        ({"hf_pipeline": ""}, "hf_pipeline"),
        ({"hf_pipeline": "no-task"}, "unknown task"),
        ({"hf_pipeline": "fill-mask"}, "hf_pipeline: the task of classifier"),
        ({"model_deployed_url": 7}, "model_deployed_url"),
        ({"model_deployed_url": "ftp://h/v2/models/m"}, "model_deployed_url"),
        ({"inputs": None}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"parameters": []}, "parameters"),
        ({"parameters": {"top_k": 0}}, "parameters.top_k"),
        ({"parameters": {"no_such": 1}}, "parameters.no_such"),
        ({"surplus": 1}, "surplus"),
    ],
)
async def test_the_wrong_field_is_named(
    tasks: httpx.AsyncClient, v2: V2Server, change: dict[str, Any], named: str
) -> None:
    request = body("text-classification", "classifier") | change
    assert (await error_of(await tasks.post("/predict", json=request), 400)).startswith(named)
    assert v2.calls == []


async def test_a_server_that_is_not_allowed_is_not_connected_to(tasks: httpx.AsyncClient) -> None:
    connections = 0

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        for there in (port, 1):  # whether somebody listens cannot be told from the answer
            url = f"http://127.0.0.1:{there}/v2/models/m/infer"
            response = await tasks.post("/predict", json=body("fill-mask", url))
            assert await error_of(response, 400) == REFUSAL
    assert connections == 0


async def test_redirects_are_not_followed(
    tasks: httpx.AsyncClient, v2: V2Server, other: V2Server
) -> None:
    location = f"{v2.url}/v2/models/classifier/infer"
    other.answer = lambda _: web.Response(status=307, headers={"location": location})
    url = f"{other.url}/v2/models/theirs"
    await error_of(await tasks.post("/predict", json=body("text-classification", url)), 502)
    assert v2.calls == []


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (error(400, "args: too short"), 400, "args: too short"),
        (error(422, "cannot open /srv/secret"), 400, "refused the input"),
        (error(401, "who"), 502, "refused the gateway"),
        (error(500, "Traceback"), 502, "failed"),
        (web.Response(body=b"\0"), 502, "invalid"),
        (web.json_response({"outputs": []}), 502, "invalid"),
        (error(503, "full"), 503, "try again"),
    ],
)
async def test_what_the_model_server_says(
    tasks: httpx.AsyncClient, v2: V2Server, answer: web.Response, status: int, said: str
) -> None:
    v2.answer = lambda _: answer
    response = await tasks.post("/predict", json=body("text-classification", "classifier"))
    assert said in await error_of(response, status)
    assert ("retry-after" in response.headers) is (status == 503)


async def test_a_model_that_loads(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.states["classifier"] = "UNKNOWN"
    v2.answer = lambda _: error(400, "Model classifier is not ready yet.")
    response = await tasks.post("/predict", json=body("text-classification", "classifier"))
    assert response.status_code == 503
    assert response.json()["estimated_time"] > 0
    assert "retry-after" in response.headers


async def test_names_that_nobody_knows(tasks: httpx.AsyncClient, other: V2Server) -> None:
    response = await tasks.post("/predict", json=body("fill-mask", "nobody"))
    assert "classifier, generator" in await error_of(response, 404)
    url = f"{other.url}/v2/models/nobody"
    await error_of(await tasks.post("/predict", json=body("fill-mask", url)), 404)
    other.states["second"] = "READY"
    response = await tasks.post("/predict", json=body("fill-mask", other.url))
    assert "theirs, second" in await error_of(response, 400)


async def test_bodies_that_are_none(tasks: httpx.AsyncClient) -> None:
    await error_of(await tasks.post("/predict", content=b"{"), 400)
    await error_of(await tasks.post("/predict", json="text"), 400)
    await error_of(await tasks.post("/predict", content=b"x" * 100_001), 413)
    for coding, status in (("gzip", 400), ("br", 415)):
        packed = await tasks.post("/predict", content=b"{}", headers={"content-encoding": coding})
        await error_of(packed, status)
    await error_of(await tasks.get("/predict"), 405)


async def test_a_gateway_is_no_model_server(tasks: httpx.AsyncClient) -> None:
    response = await tasks.post(
        "/predict", json=body("fill-mask", "m"), headers={"x-chorus-hop": "1"}
    )
    assert "gateway" in await error_of(response, 400)


async def test_streams_are_elsewhere(tasks: httpx.AsyncClient) -> None:
    request = body("text-generation", "generator") | {"stream": True}
    assert (await error_of(await tasks.post("/predict", json=request), 400)).startswith("stream")


async def test_places_are_limited_and_at_the_end_everybody_is_told(
    tasks: httpx.AsyncClient, tasks_app: FastAPI, v2: V2Server
) -> None:
    v2.gate.clear()
    request = body("text-classification", "classifier")
    held = [asyncio.create_task(tasks.post("/predict", json=request)) for _ in range(2)]
    while len(v2.calls) < 2:
        await asyncio.sleep(0.01)
    refused = await tasks.post("/predict", json=request)
    assert "too many" in await error_of(refused, 503)
    assert "retry-after" in refused.headers
    tasks_app.state.close()
    for one in held:
        assert "shutting down" in await error_of(await one, 503)
    assert "shutting down" in await error_of(await tasks.post("/predict", json=request), 503)


async def test_a_place_is_free_again(tasks: httpx.AsyncClient) -> None:
    for _ in range(5):
        request = body("text-classification", "classifier")
        assert (await tasks.post("/predict", json=request)).status_code == 200
