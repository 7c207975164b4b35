"""Odd texts arrive exactly as they were sent, or are refused; odd numbers are refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime
from tests.live.protocol import (
    Answer,
    Grpc,
    message,
    request,
    rest_answer,
    rest_path,
    tensor,
)
from tests.reliability.gateways import gateway_before

JSON = {"content-type": "application/json"}
TEXTS = {
    "empty": "",
    "NUL": "before\0after",
    "controls": "\x01\x08\x0b\x1b\x1f\x7f\x80\x9f",
    "line ends": "a\nb\rc\r\nd\x85e\u2028f\u2029g",
    "spaces": " \t\u00a0\u2003\u3000\u200b\ufeff ",
    "byte order mark": "\ufefftext",
    "byte order mark, the other way": "\ufffetext",
    "right to left": "\u202eabc\u202c שלום مرحبا \u2066x\u2069",
    "four bytes": "𝔘𠜎𐍈👩‍👩‍👧‍👦🏳️‍🌈",
    "the last character": "\U0010ffff",
    "no characters": "\ufdd0\uffff\U0001fffe",
    "around the surrogates": "\ud7ff\ue000",
    "composed": "é ﬁ Å ỳ",
    "decomposed": "e\u0301 A\u030a y\u0300",
    "many marks": "Z" + "\u0301\u0322\u0335" * 100,
    "replacement": "\ufffd",
    "what looks like an escape": '\\u0000 \\ud800 %00 &#0; \\x00 "\\"',
    "what looks like a number": "NaN",
    "what looks like JSON": '{"inputs": [null]}',
    "long": "ä" * 1024,
}
assert len(set(TEXTS.values())) == len(TEXTS)


def expected(text: str) -> tuple[str, Any]:
    from chorus_faulty import score_of

    label, score = score_of(text)
    return label, pytest.approx(score, abs=1e-6)


def ascii_only(value: Any) -> str:
    return json.dumps(value)


def as_utf8(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def rest(faulty: Runtime) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=faulty.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def stub(faulty: Runtime) -> Iterator[Any]:
    with grpc.insecure_channel(faulty.grpc_address) as channel:
        yield GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime) -> Iterator[httpx.Client]:
    server = gateway_before(launch, faulty, "process")
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


# -------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize("write", [ascii_only, as_utf8])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_t07_text_arrives_over_rest(rest: httpx.Client, text: str, write: Any) -> None:
    body = write(request(tensor([text, "other"])) | {"id": f"id {text}"})
    response = rest.post(rest_path("left"), content=body.encode(), headers=JSON)
    answer = rest_answer(response.status_code, response.json())
    assert [_row(row) for row in answer.results] == [expected(text), expected("other")]
    assert answer.id == f"id {text}"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_t07_text_arrives_over_grpc(stub: Any, text: str) -> None:
    asked = request(tensor([text, "other"])) | {"id": f"id {text}"}
    for raw in (False, True):
        answer = Grpc(stub, raw=raw).infer(asked, "left")
        assert [_row(row) for row in answer.results] == [expected(text), expected("other")]
        assert answer.id == f"id {text}"


@pytest.mark.parametrize("write", [ascii_only, as_utf8])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_t07_text_arrives_through_the_gateway(gateway: httpx.Client, text: str, write: Any) -> None:
    answer = gateway.post("/process", content=write(text).encode(), headers=JSON)
    right = {name: expected(text) for name in ("left", "right")}
    assert {name: _row(row) for name, row in answer.json().items()} == right
    asked = write({"inputs": [text]}).encode()
    answer = gateway.post("/models/left", content=asked, headers=JSON)
    (first,) = answer.json()
    best = max(first, key=lambda row: float(row["score"])) if isinstance(first, list) else first
    assert _row(best) == expected(text)


def _row(row: dict[str, Any]) -> tuple[str, float]:
    return row["label"], row["score"]


# ----------------------------------------------------------------------- what is no text at all

# Between the quotes of a JSON string.
ESCAPES = {
    "high surrogate": b"\\ud800",
    "low surrogate": b"\\udc00",
    "surrogates the wrong way round": b"\\udc00\\ud800",
    "surrogate before another character": b"\\ud83dx",
    "NUL as it is": b"\0",
    "line end as it is": b"a\nb",
}
NO_UTF8 = {
    "surrogate in UTF-8": b"\xed\xa0\x80",
    "pair of surrogates in UTF-8": b"\xed\xa0\xbd\xed\xb8\x80",
    "NUL in two bytes": b"\xc0\x80",
    "beyond the last character": b"\xf4\x90\x80\x80",
    "cut off": b"\xf0\x9f\x98",
    "Latin 1": "é".encode("latin-1"),
    "UTF-16": "é".encode("utf-16"),
}
NO_TEXTS = ESCAPES | NO_UTF8


@pytest.mark.parametrize("written", NO_TEXTS.values(), ids=NO_TEXTS)
def test_t07_no_text_is_refused(rest: httpx.Client, gateway: httpx.Client, written: bytes) -> None:
    body = json.dumps(request(tensor(["?"]))).encode().replace(b"?", written)
    response = rest.post(rest_path("left"), content=body, headers=JSON)
    assert rest_answer(response.status_code, response.json()) == Answer(
        400, "body: is not valid JSON"
    )
    for path, sent in (
        ("/process", b'"?"'),
        ("/models/left", b'{"inputs": "?"}'),
        ("/classify?model=left", b'"?"'),
        (
            "/predict",
            b'{"hf_pipeline":"text-classification","model_deployed_url":"left","inputs":"?"}',
        ),
    ):
        refusal = gateway.post(path, content=sent.replace(b"?", written), headers=JSON)
        assert refusal.status_code == 400, (path, refusal.text)
        assert set(refusal.json()) == {"error"}


@pytest.mark.parametrize("written", NO_UTF8.values(), ids=NO_UTF8)
def test_t07_no_text_is_refused_over_grpc(stub: Any, written: bytes) -> None:
    for raw in (False, True):
        answer = Grpc(stub, raw=raw).infer(request(tensor([written])), "left")
        assert answer == Answer(400, "inputs[0].data[0]: is not valid UTF-8")


# -------------------------------------------------------------------------------------- numbers

NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "-0", "-0.0", "0x1", "01", "1e-400"]
PLACES = {
    "text": '{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":[?]}]}',
    "shape": '{"inputs":[{"name":"text","shape":[?],"datatype":"BYTES","data":["a"]}]}',
    "top_k": '{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["a"]}],'
    '"parameters":{"top_k":?}}',
    "timeout": '{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["a"]}],'
    '"parameters":{"timeout":?}}',
    "option": '{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["a"]},'
    '{"name":"top_k","shape":[1],"datatype":"FP64","data":[?]}]}',
    "id": '{"id":?,"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["a"]}]}',
}
GATEWAY_PLACES = {
    "/process": "?",
    "/models/left": '{"inputs":"a","parameters":{"top_k":?}}',
    "/classify?model=left": "?",
    "/predict": '{"hf_pipeline":"text-classification","model_deployed_url":"left","inputs":?}',
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES)
def test_t07_odd_number_is_refused(rest: httpx.Client, body: str, number: str) -> None:
    response = rest.post(rest_path("left"), content=body.replace("?", number), headers=JSON)
    answer = rest_answer(response.status_code, response.json())
    assert answer.status == 400
    assert number not in answer.error


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("path", GATEWAY_PLACES)
def test_t07_odd_number_is_refused_by_the_gateway(
    gateway: httpx.Client, path: str, number: str
) -> None:
    body = GATEWAY_PLACES[path].replace("?", number)
    refusal = gateway.post(path, content=body, headers=JSON)
    assert refusal.status_code in (400, 422), refusal.text
    assert set(refusal.json()) == {"error"}
    assert number not in refusal.json()["error"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), -0.0, 1.5])
def test_t07_odd_number_is_refused_over_grpc(stub: Any, number: float) -> None:
    asked = message(request(tensor(["a"])), "left")
    asked.inputs.add(name="top_k", datatype="FP64", shape=[1]).contents.fp64_contents.append(number)
    answer = Grpc(stub).send(asked)
    assert answer.status == 400
    assert answer.error.startswith("inputs[1].data[0]")
