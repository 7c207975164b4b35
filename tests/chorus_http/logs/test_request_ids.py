"""Ids of requests: taken where they are well-formed, made where they are not, and always told."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from chorus_http.logs import request_ids
from chorus_http.logs.request_ids import CURRENT, KEY, RequestIds, accepted

ODD = [
    "",
    " an-id",
    "an id",
    "an-id\n",
    "an\r\nid: 1",
    "x" * 129,
    "é",
    "{id}",
    "a/b",
    "\x00",
    "\u202e",
]


@pytest.mark.parametrize(
    "given", ["a", "x" * 128, "A-z_0.9", "5f0c8b6e-6c4b-4f6b-9d57-0f3f6e3f2a11"]
)
def test_a_well_formed_id_is_taken(given: str) -> None:
    assert accepted([given]) == given == accepted([given.encode()])


@pytest.mark.parametrize("given", ODD)
def test_an_odd_id_is_replaced(given: str) -> None:
    made = accepted([given])
    assert made != given
    assert len(made) == 32
    assert made != accepted([given])


@pytest.mark.parametrize("given", [[], ["a", "b"], ["a", "a"]])
def test_none_and_several_are_no_id(given: list[str]) -> None:
    assert accepted(given) not in ("a", "b")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the id that it sees, after everybody else has begun."""
    await asyncio.sleep(0.01)
    assert CURRENT.get() == scope[KEY]
    said = request_ids.passed_on()["x-request-id"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": said})


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(RequestIds(app))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_the_id_is_in_the_answer_and_goes_on(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers={"x-request-id": "mine"})
    assert (answer.headers["x-request-id"], answer.text, answer.headers["a"]) == ("mine",) * 2 + (
        "b",
    )


async def test_the_name_that_hugging_face_has_for_it(client: httpx.AsyncClient) -> None:
    one = await client.get("/", headers={"x-amzn-trace-id": "theirs"})
    both = await client.get("/", headers={"x-amzn-trace-id": "theirs", "x-request-id": "mine"})
    odd = await client.get("/", headers={"x-amzn-trace-id": "theirs", "x-request-id": "m i"})
    assert [one.text, both.text] == ["theirs", "mine"]
    assert odd.text not in ("theirs", "m i")


async def test_requests_at_one_time_keep_their_own(client: httpx.AsyncClient) -> None:
    names = [f"id-{number}" for number in range(20)]
    asked = [client.get("/", headers={"x-request-id": name}) for name in names]
    answers = await asyncio.gather(*asked)
    assert [answer.text for answer in answers] == names
    assert request_ids.passed_on() == {}, "there is no request here"
