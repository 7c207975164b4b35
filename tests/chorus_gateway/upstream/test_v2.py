from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from chorus_gateway.errors import (
    InputFailed,
    InputRefused,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from chorus_gateway.upstream.transport import Reply
from chorus_gateway.upstream.v2 import V2Client, decode_answers

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeTransport

GOOD: dict[str, Any] = {
    "outputs": [
        {"name": "b.label", "datatype": "BYTES", "shape": [2], "data": ["x", ""]},
        {"name": "b.score", "datatype": "FP32", "shape": [2], "data": [0.25, 1]},
        {"name": "a.score", "datatype": "FP32", "shape": [2], "data": [0.5, 0.75]},
        {"name": "a.label", "datatype": "BYTES", "shape": [2], "data": ["y", "z"]},
    ]
}


def set_first(**fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda reply: reply["outputs"][0].update(fields)


@pytest.fixture
def errors_seen() -> list[UpstreamError]:
    return []


@pytest.fixture
def v2(transport: FakeTransport, errors_seen: list[UpstreamError]) -> V2Client:
    return V2Client(transport, timeout=1, probe_timeout=1, on_error=errors_seen.append)


def answering(reply: Reply) -> Callable[[list[str]], Any]:
    async def infer(_: list[str]) -> Reply:
        return reply

    return infer


def test_answers_keep_the_order_of_the_outputs() -> None:
    answers = decode_answers(GOOD, 2)
    assert answers == [
        {"b": {"score": 0.25, "label": "x"}, "a": {"score": 0.5, "label": "y"}},
        {"b": {"score": 1.0, "label": ""}, "a": {"score": 0.75, "label": "z"}},
    ]
    assert list(answers[0]) == ["b", "a"]
    assert orjson.dumps(answers[1]["b"]) == b'{"score":1.0,"label":""}'


@pytest.mark.parametrize(
    "spoil",
    [
        lambda reply: reply.pop("outputs"),
        lambda reply: reply.update(outputs=[]),
        lambda reply: reply.update(outputs=[7]),
        lambda reply: reply["outputs"].pop(),
        lambda reply: reply["outputs"].append(reply["outputs"][0]),
        set_first(name="b.logits"),
        set_first(name="label"),
        set_first(name=3),
        set_first(datatype="FP32"),
        set_first(shape=[1]),
        set_first(shape=[2, 1]),
        set_first(data=["x"]),
        set_first(data="xy"),
        set_first(data=["x", None]),
        set_first(name="b.score", datatype="FP32", data=[True, 0.5]),
        set_first(name="b.score", datatype="FP32", data=["0.5", 0.5]),
    ],
)
def test_anything_else_is_invalid(spoil: Callable[[dict[str, Any]], None]) -> None:
    reply = copy.deepcopy(GOOD)
    spoil(reply)
    with pytest.raises(UpstreamInvalid):
        decode_answers(reply, 2)


async def test_the_request_carries_all_texts(v2: V2Client, transport: FakeTransport) -> None:
    answers = await v2.infer("a/b", ["one", "", "\0é🎵"])
    method, path, body = transport.requests[0]
    assert (method, path) == ("POST", "/v2/models/a%2Fb/infer")
    assert body is not None
    assert orjson.loads(body) == {
        "inputs": [
            {"name": "text", "shape": [3], "datatype": "BYTES", "data": ["one", "", "\0é🎵"]}
        ]
    }
    assert [answer["svalabs"]["label"] for answer in answers] == [
        "svalabs:one",
        "svalabs:",
        "svalabs:\0é🎵",
    ]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(200, b"not json"), UpstreamInvalid),
        (Reply(200, b"[]"), UpstreamInvalid),
        (Reply(200, b'{"outputs": []}'), UpstreamInvalid),
        (Reply(302, b""), UpstreamFailed),
        (Reply(400, b'{"error": "no"}'), InputRefused),
        (Reply(404, b'{"error": "no"}'), UpstreamRefused),
        (Reply(413, b""), InputRefused),
        (Reply(422, b'{"detail": []}'), InputRefused),
        (Reply(429, b""), UpstreamBusy),
        (Reply(500, b"Internal Server Error"), UpstreamFailed),
        (Reply(500, b'{"error": "model m failed on this input"}'), InputFailed),
        (Reply(503, b""), UpstreamBusy),
        (Reply(504, b""), UpstreamTimeout),
    ],
)
async def test_every_bad_reply_has_its_error(
    v2: V2Client,
    transport: FakeTransport,
    errors_seen: list[UpstreamError],
    reply: Reply,
    error: type[UpstreamError],
) -> None:
    transport.infer = answering(reply)
    with pytest.raises(error) as caught:
        await v2.infer("process", ["a"])
    assert type(caught.value) is error
    assert errors_seen == [caught.value]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), (None, None), ("soon", None), ("-1", None), ("9999", 3600), ("9" * 5000, None)],
)
async def test_the_servers_advice_is_kept(
    v2: V2Client, transport: FakeTransport, header: str | None, seconds: int | None
) -> None:
    transport.infer = answering(Reply(503, b"", header))
    with pytest.raises(UpstreamUnavailable) as caught:
        await v2.infer("process", ["a"])
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "message"),
    [(b'{"error": "too odd"}', "too odd"), (b'{"error": 1}', ""), (b"[]", ""), (b"oops", "")],
)
async def test_the_servers_words_are_kept(
    v2: V2Client, transport: FakeTransport, body: bytes, message: str
) -> None:
    transport.infer = answering(Reply(400, body))
    with pytest.raises(InputRefused) as caught:
        await v2.infer("process", ["a"])
    assert caught.value.message == message
    assert "odd" not in str(caught.value), "what is logged must not quote"


@pytest.mark.parametrize(
    ("status", "ready"), [(200, True), (400, False), (404, False), (503, False)]
)
async def test_ready(v2: V2Client, transport: FakeTransport, status: int, ready: bool) -> None:
    transport.ready = Reply(status, b"")
    assert await v2.ready("process") is ready


async def test_metadata(v2: V2Client, transport: FakeTransport) -> None:
    assert await v2.metadata("process") == {"parameters": {"weights": "standin"}}
    assert transport.requests[0][:2] == ("GET", "/v2/models/process")
