from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import orjson
import pytest
from fastapi import FastAPI

from chorus_gateway.app import create_app
from chorus_gateway.errors import STATUSES, UpstreamUnavailable
from chorus_gateway.routes.process import EXAMPLE, EXPECTED, MAY_RAISE
from chorus_gateway.settings import Settings
from chorus_gateway.upstream.transport import Reply

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeTransport

JSON = {"content-type": "application/json"}


async def post(client: httpx.AsyncClient, body: bytes, path: str = "/process") -> httpx.Response:
    return await client.post(path, content=body, headers=JSON)


@pytest.mark.parametrize("path", ["/process", "/process/"])
async def test_one_text_in_every_answer_out(client: httpx.AsyncClient, path: str) -> None:
    response = await post(client, b'"I love this"', path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-chorus-weights"] == "standin"
    assert list(response.json()) == list(EXAMPLE)
    assert response.json()["svalabs"] == {"score": 0.52, "label": "svalabs:I love this"}


@pytest.mark.parametrize(
    "text", ["", " ", "\0\x1f\x7f", 'quote " and \\', "日本語 🎵", "\u2028", "x" * 900], ids=repr
)
async def test_any_string_is_a_text(client: httpx.AsyncClient, text: str) -> None:
    response = await post(client, orjson.dumps(text))
    assert response.json()["ivanlau"]["label"] == f"ivanlau:{text}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"I love this", 400),
        (b'"open', 400),
        (b'"a" "b"', 400),
        (b"'a'", 400),
        (b"NaN", 400),
        (b'"\xff\xfe"', 400),
        (b'"\xed\xa0\x80"', 400),
        (b'"\\ud800"', 400),
        (b"[" * 500, 400),
        (b"null", 422),
        (b"true", 422),
        (b"7", 422),
        (b"1e999", 400),
        (b'["a"]', 422),
        (b'{"text": "a"}', 422),
    ],
)
async def test_what_is_no_json_string_is_told_so(
    client: httpx.AsyncClient, transport: FakeTransport, body: bytes, status: int
) -> None:
    response = await post(client, body)
    assert (response.status_code, response.json()) == (status, {"error": EXPECTED})
    assert transport.requests == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "Application/JSON"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/jsonx"}, 415),
        ({"content-type": "application/json", "content-encoding": "br"}, 415),
    ],
)
async def test_media_types(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    response = await client.post("/process", content=b'"a"', headers=headers)
    assert response.status_code == status
    assert ("error" in response.json()) is (status == 415)


async def test_a_body_over_the_cap_is_refused_by_its_length(client: httpx.AsyncClient) -> None:
    response = await post(client, orjson.dumps("x" * 999))
    assert response.status_code == 413
    assert response.json() == {"error": "the body must be at most 1000 bytes"}
    assert (await post(client, orjson.dumps("x" * 998))).status_code == 200


async def test_a_body_over_the_cap_is_refused_while_it_is_read(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100
            yield b"x" * 100
            await asyncio.sleep(0)

    response = await client.post("/process", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert sent <= 1200


async def test_concurrent_requests_share_a_call(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    responses = await asyncio.gather(*(post(client, b'"%d"' % n) for n in range(20)))
    labels = [response.json()["cardiffnlp"]["label"] for response in responses]
    assert labels == [f"cardiffnlp:{n}" for n in range(20)]
    assert transport.count("/infer") < 20
    assert transport.count("/v2/models/process") == 1, "the weights are asked for once"


@pytest.mark.parametrize(
    "metadata",
    [
        Reply(200, b"{}"),
        Reply(200, b'{"parameters": {"weights": "a\\r\\nb: c"}}'),
        Reply(200, b'{"parameters": {"weights": ["hub"]}}'),
        Reply(404, b""),
        UpstreamUnavailable("down"),
    ],
    ids=str,
)
async def test_without_a_word_on_the_weights_there_is_no_header(
    client: httpx.AsyncClient, transport: FakeTransport, metadata: Reply | Exception
) -> None:
    transport.metadata = metadata
    response = await post(client, b'"a"')
    assert response.status_code == 200
    assert "x-chorus-weights" not in response.headers


async def test_the_documentation_is_what_happens(client: httpx.AsyncClient, app: FastAPI) -> None:
    operation = app.openapi()["paths"]["/process"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"type": "string"}
    for example in body["examples"].values():
        assert (await post(client, orjson.dumps(example["value"]))).status_code == 200
    statuses = {str(STATUSES[error].status) for error in MAY_RAISE}
    assert set(operation["responses"]) == statuses | {"200"}
    answer = operation["responses"]["200"]["content"]["application/json"]
    assert answer["example"] == EXAMPLE
    assert answer["schema"]["additionalProperties"] == {
        "$ref": "#/components/schemas/PredictionBody"
    }


async def test_without_the_ensemble_the_caller_is_told_so(transport: FakeTransport) -> None:
    app = create_app(Settings(models=("cardiffnlp",)), transport)
    at = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=at, base_url="http://gateway") as client:
        response = await post(client, b'"hello"')
    assert response.status_code == 404
    assert "process" in response.json()["error"]
    assert transport.count("/infer") == 0


async def test_a_full_line_refuses_before_it_looks_at_the_body(transport: FakeTransport) -> None:
    never = asyncio.Event()

    async def wait(texts: list[str]) -> Reply:
        await never.wait()
        return Reply(503, b"")

    transport.infer = wait
    app = create_app(Settings(max_waiting_texts=1, max_calls_in_flight=1), transport)
    over = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=over, base_url="http://gateway") as client:
        asked = [asyncio.create_task(post(client, b'"a"'))]
        while not transport.requests:
            await asyncio.sleep(0)
        asked.append(asyncio.create_task(post(client, b'"b"')))
        for _ in range(100):  # turns of the loop, until it waits in the line
            await asyncio.sleep(0)
        refused = await post(client, b"no JSON")
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        app.state.close()
        assert [(await one).status_code for one in asked] == [503, 503]


class Slow:
    """Stands in for `transport.infer`, and answers nobody."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    async def __call__(self, _: list[str]) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError


@pytest.mark.parametrize(
    "header", [{"x-request-timeout": "0.05"}, {"x-request-timeout-ms": "50"}], ids=str
)
async def test_at_the_deadline_it_is_over_and_the_call_too(
    client: httpx.AsyncClient, transport: FakeTransport, header: dict[str, str]
) -> None:
    transport.infer = slow = Slow()
    response = await client.post("/process", json="a", headers=header)
    assert response.status_code == 504
    assert "x-request-timeout" in response.json()["error"]
    await asyncio.wait_for(slow.cancelled.wait(), 5)
    call = orjson.loads(transport.requests[0][2] or b"")
    assert 0 < call["parameters"]["timeout"] <= 50_000, "microseconds"


async def test_with_one_who_waits_for_ever_the_call_goes_on(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    transport.infer = slow = Slow()
    patient = asyncio.create_task(post(client, b'"a"'))
    hasty = client.post("/process", json="b", headers={"x-request-timeout": "0.05"})
    assert (await hasty).status_code == 504
    assert all(b"parameters" not in (body or b"") for _, _, body in transport.requests)
    assert not slow.cancelled.is_set()
    patient.cancel()


async def test_a_text_that_waits_until_its_deadline_is_never_sent(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    transport.infer = Slow()
    running = []
    for _ in range(2):
        running.append(asyncio.create_task(post(client, b'"running"')))
        await asyncio.sleep(0.01)
    late = await client.post("/process", json="late", headers={"x-request-timeout": "0.05"})
    assert late.status_code == 504
    transport.infer = transport.answer
    for one in running:
        one.cancel()
    assert (await post(client, b'"next"')).status_code == 200
    assert not any(b"late" in (body or b"") for _, _, body in transport.requests)


@pytest.mark.parametrize("name", ["x-request-timeout", "x-request-timeout-ms"])
async def test_a_time_that_is_none_is_named(
    client: httpx.AsyncClient, transport: FakeTransport, name: str
) -> None:
    response = await client.post("/process", json="a", headers={name: "soon"})
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{name}: ")
    assert transport.requests == []
