from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import pytest
from aiohttp import web
from PIL import Image
from tests.chorus_gateway.v2_server import V2Server, ending, error, event, generated, output

ALL = [{"label": "A", "score": 0.7}, {"label": "B", "score": 0.3}]
BOX = {"score": 0.9, "label": "table", "box": {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1}}
HUB = {"user-agent": "unknown/None; hf_hub/0.36.2; python/3.11"}


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), "red").save(file, "PNG")
    return file.getvalue()


def lines(response: httpx.Response) -> list[Any]:
    """The events of a stream, as Hugging Face's client reads them."""
    found = [line for line in response.text.splitlines() if line]
    assert all(line.startswith("data:") for line in found)
    return [json.loads(line[5:]) for line in found]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'{"inputs": "a text", "parameters": {}}', {"content-type": "application/json"}),
        (b'{"inputs": "a text"}', {}),
        (b'"a text"', {"content-type": "application/json; charset=utf-8"}),
        (b'"a text"', {}),
        (b"a text", {}),
        (b"a text", {"content-type": "text/plain"}),
        (b"a text", {"content-type": "application/x-www-form-urlencoded"}),
        (b'{"inputs": "a text"}', {"content-type": "application/x-www-form-urlencoded"}),
    ],
)
async def test_every_kind_of_body(
    tasks: httpx.AsyncClient, v2: V2Server, content: bytes, headers: dict[str, str]
) -> None:
    v2.answer = lambda _: output(ALL)
    response = await tasks.post("/models/classifier", content=content, headers=headers)
    assert (response.status_code, response.json()) == (200, [ALL])
    assert response.headers["x-chorus-weights"] == "standin"
    assert v2.calls[0][1]["inputs"][0]["data"] == ["a text"]


@pytest.mark.parametrize("text", ["[sic]", '"quoted" text', "{"])
async def test_a_text_may_begin_like_json(
    tasks: httpx.AsyncClient, v2: V2Server, text: str
) -> None:
    v2.answer = lambda _: output(ALL)
    for headers in ({}, {"content-type": "text/plain"}):
        await tasks.post("/models/classifier", content=text, headers=headers)
    assert [body["inputs"][0]["data"] for _, body in v2.calls] == [[text]] * 2


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (png(), "image/png"),
        (png(), ""),
        (png(), "application/octet-stream"),
        (json.dumps({"inputs": base64.b64encode(png()).decode()}).encode(), "application/json"),
    ],
)
async def test_an_image(
    tasks: httpx.AsyncClient, v2: V2Server, content: bytes, content_type: str
) -> None:
    v2.answer = lambda _: output([BOX])
    headers = {"content-type": content_type} if content_type else {}
    response = await tasks.post("/models/detector?threshold=0.1", content=content, headers=headers)
    assert (response.status_code, response.json()) == (200, [BOX])
    names = {tensor["name"] for tensor in v2.calls[0][1]["inputs"]}
    assert "threshold" in names


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "", 400),
        (b"no image", "image/png", 415),
        (b"x", "multipart/form-data; boundary=x", 415),
        (b"x", "video/mp4", 415),
        (b"x" * 100_001, "image/png", 413),
    ],
)
async def test_bodies_that_are_refused(
    tasks: httpx.AsyncClient, v2: V2Server, content: bytes, content_type: str, status: int
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = await tasks.post("/models/detector", content=content, headers=headers)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert v2.calls == []


async def test_sound_is_the_file_itself(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.answer = lambda _: output({"audio": base64.b64encode(b"RIFF").decode(), "sampling_rate": 8})
    response = await tasks.post("/models/speaker", json={"inputs": "s"})
    assert (response.headers["content-type"], response.content) == ("audio/wav", b"RIFF")
    v2.answer = lambda _: output({"audio": "not base64", "sampling_rate": 8})
    assert (await tasks.post("/models/speaker", json={"inputs": "s"})).status_code == 502


async def test_old_clients_get_what_they_read(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    answer = {"sequence": "s", "labels": ["x"], "scores": [1.0]}
    v2.answer = lambda _: output(answer)
    body = {"inputs": "s", "parameters": {"candidate_labels": ["x"]}}
    old = await tasks.post("/models/shot", json=body, headers=HUB)
    new = await tasks.post("/models/shot", json=body)
    assert old.json() == answer
    assert new.json() == [{"label": "x", "score": 1.0}]


async def test_a_name_that_nobody_has(tasks: httpx.AsyncClient) -> None:
    for method, path in (("POST", ""), ("GET", "/health"), ("GET", "/info"), ("GET", "")):
        response = await tasks.request(method, f"/models/nobody{path}", json={"inputs": "a"})
        assert response.status_code == 404
        assert "served are classifier, generator" in response.json()["error"]
    assert (await tasks.post("/models/a%2Fb", json={"inputs": "a"})).status_code in (400, 404)


async def test_no_body_is_no_input(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    """The empty text is one, if it is called a text."""
    refusal = await tasks.post("/models/classifier")
    assert refusal.status_code == 400
    assert "empty" in refusal.json()["error"]
    assert v2.calls == []
    v2.answer = lambda _: output(ALL)
    declared = {"content-type": "text/plain"}
    assert (await tasks.post("/models/classifier", headers=declared)).status_code == 200


async def test_a_refused_method_is_told_all_that_the_path_has(tasks: httpx.AsyncClient) -> None:
    for path in ("/models/classifier", "/classify"):
        refusal = await tasks.put(path)
        assert (refusal.status_code, refusal.headers["allow"]) == (405, "GET, POST")


async def test_health(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    for path in ("/models/classifier/health", "/models/classifier"):
        assert (await tasks.get(path)).json() == {"name": "classifier", "ready": True}
    v2.states["classifier"] = "UNAVAILABLE"
    response = await tasks.get("/models/classifier/health")
    assert (response.status_code, response.json()["ready"]) == (503, False)


async def test_info(tasks: httpx.AsyncClient) -> None:
    info = (await tasks.get("/models/classifier/info")).json()
    assert info["model_id"] == "classifier"
    assert info["model_pipeline_tag"] == "text-classification"
    assert info["weights"] == "standin"
    assert info["max_concurrent_requests"] == 2


async def test_a_stream(tasks: httpx.AsyncClient, v2: V2Server) -> None:
    v2.events = list(generated("a", " b."))
    body = {"inputs": "Hi", "parameters": {"max_new_tokens": 2, "seed": 7}, "stream": True}
    response = await tasks.post("/models/generator", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    first, last = lines(response)
    assert first == {
        "index": 0,
        "token": {"id": 1, "text": "a", "logprob": None, "special": False},
        "generated_text": None,
        "details": None,
    }
    assert (last["index"], last["generated_text"]) == (1, "a b.")
    assert last["details"] == {
        "finish_reason": "length",
        "generated_tokens": 2,
        "input_length": 3,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("stop", "reason"), [(None, "eos_token"), (["."], "stop_sequence"), (["!"], "eos_token")]
)
async def test_why_a_stream_stopped(
    tasks: httpx.AsyncClient, v2: V2Server, stop: list[str] | None, reason: str
) -> None:
    v2.events = list(generated("a", "b.", reason="stop"))
    body = {"inputs": "Hi", "parameters": {"stop": stop}, "stream": True}
    response = await tasks.post("/models/generator", json=body)
    assert lines(response)[-1]["details"]["finish_reason"] == reason


async def test_an_error_before_the_first_event_has_its_status(
    tasks: httpx.AsyncClient, v2: V2Server
) -> None:
    body = {"inputs": "Hi", "stream": True}
    v2.events = []
    assert (await tasks.post("/models/generator", json=body)).status_code == 502
    v2.refusal = lambda: error(400, "max_new_tokens: too many")
    response = await tasks.post("/models/generator", json=body)
    assert response.status_code == 400
    assert "max_new_tokens: too many" in response.json()["error"]
    v2.refusal = lambda: web.json_response({"outputs": []})
    assert (await tasks.post("/models/generator", json=body)).status_code == 502
    assert (await tasks.post("/models/classifier", json=body)).status_code == 400


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [b"data: garbage\n\n"],
        [b'data: {"error": "oops"}\n\n'],
        [event("b", ending("ab") | {"details": {}})],
    ],
)
async def test_an_error_within_a_stream_is_its_last_event(
    tasks: httpx.AsyncClient, v2: V2Server, broken: list[bytes]
) -> None:
    v2.events = [event("a"), *broken]
    response = await tasks.post("/models/generator", json={"inputs": "Hi", "stream": True})
    first, last = lines(response)
    assert first["token"]["text"] == "a"
    assert set(last) == {"error", "error_type"}
    assert "model server" in last["error"]
    again = await tasks.post("/models/classifier", json="a")
    assert again.status_code == 200, "its place is free"
