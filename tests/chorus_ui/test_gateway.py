"""What the page makes of what a gateway may answer; real ones answer in tests/browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httpx
import pytest

from chorus_ui.gateway import Gateway, GatewayError, Model, path_of
from chorus_ui.request import Request

ASKED: Final = Request("/process", json="a text")

Handler = Callable[[httpx.Request], httpx.Response]


def gateway(handler: Handler) -> Gateway:
    return Gateway("http://gateway", httpx.MockTransport(handler))


def answering(status: int, **options: object) -> Gateway:
    return gateway(lambda _: httpx.Response(status, **options))  # type: ignore[arg-type]


async def failure(client: Gateway) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await client.send(ASKED)
    assert "\n" not in str(caught.value)
    return caught.value


async def test_an_answer_has_its_value_its_time_and_its_weights() -> None:
    client = answering(200, json={"a": 1}, headers={"x-chorus-weights": "hub"})
    answer = await client.send(ASKED)
    assert (answer.value, answer.weights) == ({"a": 1}, "hub")
    assert answer.seconds > 0


async def test_a_sound_comes_as_its_bytes() -> None:
    client = answering(200, content=b"RIFF", headers={"content-type": "audio/wav"})
    assert (await client.send(ASKED)).value == b"RIFF"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (401, "no key", "asks for an API key: type yours into the box above"),
        (413, "at most 1048576 bytes", "more than the gateway takes: at most 1048576 bytes."),
        (429, "10 per second", "faster than the gateway lets you: 10 per second."),
        (503, "it is loading", "cannot answer right now: it is loading."),
        (504, "no answer in 45 s", "took too long: no answer in 45 s."),
        (422, "inputs: give a text", "inputs: give a text."),
    ],
)
async def test_a_refusal_says_what_happened(status: int, said: str, expected: str) -> None:
    error = await failure(answering(status, json={"error": said}))
    assert expected in str(error)
    assert error.status == status


async def test_a_refusal_says_when_to_try_again() -> None:
    client = answering(429, json={"error": "too much"}, headers={"retry-after": "3"})
    assert str(await failure(client)).endswith("too much. Try again in 3 seconds.")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}', b"\xff"])
async def test_a_refusal_of_somebody_else_is_told_too(body: bytes) -> None:
    assert "500" in str(await failure(answering(500, content=body)))


async def test_an_answer_of_somebody_else_is_told() -> None:
    assert "gateway of Chorus" in str(await failure(answering(200, content=b"<html>")))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused by 10.0.0.1"), "does not answer"),
        (httpx.ReadTimeout("slow"), "has not answered in time"),
        (httpx.RemoteProtocolError("cut"), "does not answer"),
    ],
)
async def test_no_answer_is_told(raised: Exception, expected: str) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    error = await failure(gateway(fail))
    assert expected in str(error)
    assert str(raised) not in str(error)
    assert error.status is None


async def test_a_key_goes_with_the_call() -> None:
    seen = []

    def keep(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={"models": []})

    client = gateway(keep)
    await client.models(" käse\n")
    await client.models("")
    assert seen == ["Bearer käse", None]


async def test_models_may_state_more_or_less_than_is_known() -> None:
    listed = {"models": [{"name": "a", "standin": "random", "colour": "red"}]}
    assert await answering(200, json=listed).models() == [Model("a", standin="random")]


async def test_a_model_s_name_is_quoted() -> None:
    seen = []

    def keep(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json=[])

    await gateway(keep).send(Request(json="a").below(path_of("../a b")))
    assert seen == [b"/models/..%2Fa%20b"]


TGI: Final = (
    b'data: {"token": {"text": "Once", "special": false}}\n\n'
    b'data: {"token": {"text": " upon", "special": false}}\n\n'
    b'data: {"token": {"text": "</s>", "special": true}, "generated_text": "Once upon"}\n\n'
)
OPENAI: Final = (
    b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'
    b'data: {"choices": [{"delta": {"content": "Once"}}]}\n\n'
    b'data: {"choices": [{"delta": {"content": " upon"}}]}\n\n'
    b'data: {"choices": []}\n\ndata: [DONE]\n\n'
)


@pytest.mark.parametrize("events", [TGI, OPENAI])
async def test_a_stream_grows(events: bytes) -> None:
    client = answering(200, content=events)
    texts = [answer.value async for answer in client.stream("a", Request(json={"stream": True}))]
    assert texts == ["Once", "Once upon"]


async def test_a_stream_may_fail_on_its_way() -> None:
    client = answering(200, content=TGI.partition(b"\n\n")[0] + b'\n\ndata: {"error": "gone"}\n\n')
    answers = client.stream("a", Request(json={}))
    assert (await anext(answers)).value == "Once"
    with pytest.raises(GatewayError, match="gone"):
        await anext(answers)


async def test_a_stream_may_be_refused() -> None:
    answers = answering(503, json={"error": "busy"}).stream("a", Request(json={}))
    with pytest.raises(GatewayError, match="cannot answer right now: busy"):
        await anext(answers)
