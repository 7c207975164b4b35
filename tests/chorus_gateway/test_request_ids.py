"""Each caller's own id is in its own answer; a call for several of them has one of its own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings
from chorus_gateway.upstream.transport import Reply
from chorus_http.logs.lines import FIELDS
from chorus_http.logs.request_ids import CURRENT
from chorus_http.logs.setup import ACCESS

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeTransport

JSON = {"content-type": "application/json"}


async def ask(client: httpx.AsyncClient, request_id: str, text: str = "a") -> httpx.Response:
    headers = {**JSON, "x-request-id": request_id}
    return await client.post("/process", json=text, headers=headers)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/process", '"a"', 200),
        ("POST", "/process", "a", 400),
        ("POST", "/process/", '"a"', 200),
        ("GET", "/process", None, 405),
        ("GET", "/nowhere", None, 404),
        ("GET", "/healthz", None, 200),
        ("GET", "/docs", None, 200),
        ("POST", "/predict", "{}", 400),
    ],
)
async def test_every_answer_has_it(
    client: httpx.AsyncClient, method: str, path: str, body: str | None, status: int
) -> None:
    for given, told in (("mine", {"mine"}), ("not one", None)):
        headers = {**JSON, "x-request-id": given}
        answer = await client.request(method, path, content=body, headers=headers)
        assert answer.status_code == status
        (found,) = answer.headers.get_list("x-request-id")
        assert found in told if told else len(found) == 32


async def test_a_bug_has_it_too(client: httpx.AsyncClient, transport: FakeTransport) -> None:
    async def fail(_: list[str]) -> Reply:
        raise LookupError

    transport.infer = fail
    answer = await ask(client, "mine")
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine")


async def test_a_call_of_several_has_its_own_and_the_log_joins_them(
    client: httpx.AsyncClient, transport: FakeTransport, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[tuple[int, str]] = []

    async def infer(texts: list[str]) -> Reply:
        calls.append((len(texts), CURRENT.get()))
        return await transport.answer(texts)

    transport.infer = infer
    names = [f"id-{number}" for number in range(5)]
    with caplog.at_level(logging.DEBUG, "chorus_gateway.coalescer"):
        answers = await asyncio.gather(*(ask(client, name, name) for name in names))
    assert [answer.headers["x-request-id"] for answer in answers] == names
    assert [answer.json()["svalabs"]["label"] for answer in answers] == [
        f"svalabs:{name}" for name in names
    ]
    assert sum(texts for texts, _ in calls) == len(names)
    assert len({call for _, call in calls}) == len(calls), "each has its own"
    assert not {call for _, call in calls} & set(names)
    joined = [getattr(record, FIELDS)["requests"] for record in caplog.records]
    assert sorted(",".join(joined).split(",")) == names


async def test_the_access_log(transport: FakeTransport, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings(access_log=True), transport)
    in_process = httpx.ASGITransport(app, raise_app_exceptions=False)
    with caplog.at_level(logging.INFO, ACCESS):
        async with httpx.AsyncClient(transport=in_process, base_url="http://gateway") as client:
            await ask(client, "mine", "a secret")
            await client.get("/a-secret?a-secret")
            await client.get("/readyz")
    lines: list[dict[str, Any]] = [getattr(record, FIELDS) for record in caplog.records]
    process, nowhere = lines
    assert process.pop("ms") >= process.pop("queue_ms") >= 0
    assert nowhere.pop("ms") >= 0
    known = {"key": "-", "method": "POST", "route": "/process", "status": 200}
    assert process == {**known, "model": "process", "items": 1}
    unknown = {"key": "-", "method": "GET", "route": "other", "status": 404}
    assert nowhere == {**unknown, "model": "-", "items": "-"}
