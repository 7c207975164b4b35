"""What a wrong request gets: one verdict on every transport, the field named, nothing repeated."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Runtime
from tests.live.protocol import (
    Answer,
    Grpc,
    Json,
    Rest,
    Transport,
    message,
    option,
    packed,
    request,
    rest_answer,
    rest_path,
    tensor,
)

CANARY = "canary-3f9c"
SECRETS = {"x-canary": CANARY, "authorization": f"Bearer {CANARY}"}
JSON = {"content-type": "application/json"}
# What an answer must never hold: the caller's words, or ours from behind the scenes.
UNSPEAKABLE = (CANARY, "Traceback", "Error", "mlserver", "site-packages", ".py", "pydantic")


def assert_refused(answer: Answer, field: str, status: int = 400) -> None:
    assert answer.status == status, answer
    assert answer.error.startswith(field), answer.error
    for word in UNSPEAKABLE:
        assert word not in answer.error


@pytest.fixture(scope="module")
def rest(runtime: Runtime) -> Iterator[httpx.Client]:
    """A client with secrets in its headers."""
    with httpx.Client(base_url=runtime.url, headers=SECRETS, timeout=60) as opened:
        yield opened


@pytest.fixture(scope="module")
def rpc(runtime: Runtime) -> Iterator[Grpc]:
    """A client with secrets in its metadata."""
    with grpc.insecure_channel(runtime.grpc_address) as channel:
        yield Grpc(GRPCInferenceServiceStub(channel), headers=SECRETS)


@pytest.fixture(params=["REST", "gRPC"])
def secretive(request: pytest.FixtureRequest, rest: httpx.Client, rpc: Grpc) -> Transport:
    return Rest(rest) if request.param == "REST" else rpc


def text(data: Any = (CANARY,), **given: Any) -> Json:
    return tensor(list(data) if isinstance(data, tuple) else data, **given)


# ------------------------------------------------------------------------ on every transport

SHAPE = "inputs[0].shape"
DATA = "inputs[0].data"
# What is wrong: the request, the field that its refusal starts with.
WRONG: dict[str, tuple[Json, str]] = (
    {
        "no inputs": (request(), "inputs"),
        "shape says more": (request(text(shape=[2])), DATA),
        "shape says fewer": (request(text((CANARY, "b"), shape=[1])), DATA),
        "shape says more, matrix": (request(text(shape=[3, 1])), DATA),
        "shape says none": (request(text(shape=[0])), DATA),
        "shape is negative": (request(text(shape=[-1])), SHAPE),
        "shape is doubly negative": (request(text(shape=[-1, -1])), SHAPE),
        "shape is empty": (request(text(shape=[])), SHAPE),
        "shape of 2^40": (request(text(shape=[2**40])), SHAPE),
        "shape beyond 64 bits": (request(text(shape=[2**62] * 4)), SHAPE),
        "no texts": (request(text([])), DATA),
        "no texts, matrix": (request(text([], shape=[0, 1])), DATA),
        "FP32 with strings": (request(text(datatype="FP32")), "inputs[0].datatype"),
        "INT64 with numbers": (request(text([1], datatype="INT64")), "inputs[0].datatype"),
        "unknown datatype": (request(text(datatype=CANARY)), "inputs[0].datatype"),
        "datatype in lower case": (request(text(datatype="bytes")), "inputs[0].datatype"),
        "BYTES with a number": (request(text([1])), f"{DATA}[0]"),
        "BYTES with a boolean": (request(text([True])), f"{DATA}[0]"),
        "too many texts": (request(text([CANARY] * 4097)), SHAPE),
        "text too long": (request(text([CANARY + "a" * 1_000_000])), f"{DATA}[0]"),
        "one of many too long": (request(text([CANARY, "a" * 1_000_001])), f"{DATA}[1]"),
        "input twice": (request(text(), text()), "inputs[1]"),
        "option twice": (
            request(text(), option("top_k", 1, "INT64"), option("top_k", 2, "INT64")),
            "inputs[2]",
        ),
        "texts under two names": (request(text(), text(name="args")), "inputs"),
        "no texts, only an option": (request(option("top_k", 1, "INT64")), "inputs"),
        "unknown input": (request(text(), text(name=CANARY)), "inputs[1]"),
        "pipeline's own argument": (
            request(text(), option("num_workers", 2, "INT64")),
            "inputs[1]",
        ),
        "nameless input": (request(text(name="")), "inputs[0]"),
        "unknown output": (request(text(), outputs=[CANARY]), "outputs[0]"),
        "output twice": (request(text(), outputs=["label", "label"]), "outputs[1]"),
        "unknown content type": (
            request(text(content_type=CANARY)),
            "inputs[0].parameters.content_type",
        ),
        "unknown content type of all": (
            request(text(), content_type=CANARY),
            "parameters.content_type",
        ),
        "hg_json that is none": (request(text(content_type="hg_json")), f"{DATA}[0]"),
        "hg_json with a number": (request(text(["7"], content_type="hg_json")), f"{DATA}[0]"),
        "hg_json with an object": (
            request(text([json.dumps({"text": CANARY})], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "hg_json with a mixed list": (
            request(text([json.dumps([CANARY, 1])], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "hg_json of great depth": (
            request(text(["[" * 10**6], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "hg_json, many texts in one": (
            request(text([json.dumps([CANARY] * 4097)], content_type="hg_json")),
            "inputs[0]",
        ),
        "hg_jsonlist, the second wrong": (
            request(text(['"a"', CANARY], content_type="hg_jsonlist")),
            f"{DATA}[1]",
        ),
        "hg_json with half a character": (
            request(text(['"\\ud800"'], content_type="hg_json")),
            f"{DATA}[0]",
        ),
        "option of two values": (
            request(text(), tensor([1, 2], "top_k", datatype="INT64")),
            "inputs[1]",
        ),
        "option of no value": (request(text(), tensor([], "top_k", datatype="INT64")), "inputs[1]"),
        "option given twice": (
            request(text(), option("top_k", 1, "INT64"), top_k=1),
            "parameters.top_k",
        ),
    }
    | {
        f"top_k {value!r} as {kind}": (asked, field)
        for value in (0, -1, 1025, 10**9, CANARY, "", "-1", "9" * 30, "٣", True)
        for kind, asked, field in (
            ("input", request(text(), option("top_k", value)), "inputs[1].data[0]"),
            ("parameter", request(text(), top_k=value), "parameters.top_k"),
        )
    }
    | {
        f"function_to_apply {value!r} as {kind}": (asked, field)
        for value in (CANARY, "", "SOFTMAX", 1, True)
        for kind, asked, field in (
            ("input", request(text(), option("function_to_apply", value)), "inputs[1].data[0]"),
            ("parameter", request(text(), function_to_apply=value), "parameters.function_to_apply"),
        )
    }
)


@pytest.mark.parametrize(("asked", "field"), WRONG.values(), ids=WRONG)
def test_wrong_request_is_refused(secretive: Transport, asked: Json, field: str) -> None:
    parameters = asked.get("parameters", {}) | {"note": CANARY}
    assert_refused(secretive.infer(asked | {"parameters": parameters}), field)


@pytest.mark.parametrize("data", [["[]"], ["[]", "[]"]], ids=str)
@pytest.mark.parametrize("content_type", ["hg_json", "hg_jsonlist"])
def test_json_without_texts_is_refused_at_once(
    runtime: Runtime, data: list[str], content_type: str
) -> None:
    asked = request(text(data, content_type=content_type))
    response = httpx.post(f"{runtime.url}{rest_path('cardiffnlp')}", json=asked, timeout=2)
    assert_refused(rest_answer(response.status_code, response.json()), DATA)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (request(text(shape=[2])), DATA),
        (request(text(), outputs=["output"]), "outputs[0]"),
        (request(text(), outputs=["cardiffnlp.logits"]), "outputs[0]"),
        (request(text(), top_k=0), "parameters.top_k"),
    ],
    ids=["shape", "a classifier's output", "unknown output", "option"],
)
def test_ensemble_refuses_alike(secretive: Transport, asked: Json, field: str) -> None:
    assert_refused(secretive.infer(asked, "process"), field)


@pytest.mark.parametrize(
    ("model", "version"),
    [("nobody", ""), ("nobody", "1"), ("cardiffnlp", "1"), ("cardiffnlp", "v2"), ("Process", "")],
)
def test_unknown_model_or_version_is_not_found(
    secretive: Transport, model: str, version: str
) -> None:
    assert_refused(secretive.infer(request(text()), model, version), "", 404)


# --------------------------------------------------------------------------- in JSON alone


def envelope(**replaced: Any) -> str:
    """A right request as JSON, but for what is replaced."""
    return json.dumps({"inputs": [text() | replaced]})


BODIES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "body"),
    "broken": (f'{{"inputs": [{{"name": "{CANARY}"', "body"),
    "trailing garbage": (envelope() + CANARY, "body"),
    "array": (f'["{CANARY}"]', "body"),
    "string": (f'"{CANARY}"', "body"),
    "null": ("null", "body"),
    "no inputs": (f'{{"{CANARY}": 1}}', "inputs"),
    "inputs is no list": (f'{{"inputs": "{CANARY}"}}', "inputs"),
    "input is no object": (f'{{"inputs": ["{CANARY}"]}}', "inputs[0]"),
    "no name": (json.dumps({"inputs": [{"shape": [1], "datatype": "BYTES"}]}), "inputs[0].name"),
    "name is a number": (envelope(name=7), "inputs[0].name"),
    "shape is a number": (envelope(shape=1), SHAPE),
    "fractional dimension": (envelope(shape=[1.5]), SHAPE),
    "dimension of 2^70": (envelope(shape=[2**70]), SHAPE),
    "dimension in words": (envelope(shape=[CANARY]), SHAPE),
    "datatype is a number": (envelope(datatype=7), "inputs[0].datatype"),
    "data is a string": (envelope(data=CANARY), DATA),
    "data is an object": (envelope(data={CANARY: CANARY}), DATA),
    "data is null": (envelope(data=None), DATA),
    "text is null": (envelope(data=[None]), DATA),
    "text is an object": (envelope(data=[{CANARY: 1}]), DATA),
    "text is a list": (envelope(data=[[CANARY]]), DATA),
    "nesting is ragged": (envelope(data=[["a"], ["b", CANARY]], shape=[2, 1]), DATA),
    "nesting is half-way": (envelope(data=[["a"], CANARY], shape=[2, 1]), DATA),
    "nesting is too deep": (envelope(data=[[["a"]], [[CANARY]]], shape=[2, 1]), DATA),
    "nesting is another": (envelope(data=[["a", CANARY]], shape=[2, 1]), DATA),
    "nesting of 500 levels": (
        json.dumps({"inputs": [text(["?"])]}).replace('"?"', "[" * 500 + '"a"' + "]" * 500),
        DATA,
    ),
    "depth 100,000": ("[" * 100_000, "body"),
    "NaN": (envelope(data=["?"]).replace('"?"', "NaN"), "body"),
    "1e400": (envelope(data=["?"]).replace('"?"', "1e400"), "body"),
    "half a character": (envelope(data=["?"]).replace('"?"', '"\\ud800"'), "body"),
    "invalid UTF-8": (envelope(data=["?"]).encode().replace(b"?", b"\xff\xfe"), "body"),
    "id is a number": (json.dumps({"id": 7, "inputs": [text()]}), "id"),
    "outputs is no list": (json.dumps({"inputs": [text()], "outputs": CANARY}), "outputs"),
    "parameters is a list": (
        json.dumps({"inputs": [text()], "parameters": [CANARY]}),
        "parameters",
    ),
    "headers in the body": (
        json.dumps({"inputs": [text()], "parameters": {"headers": CANARY}}),
        "parameters.headers",
    ),
    "content type is a number": (
        json.dumps({"inputs": [text()], "parameters": {"content_type": 7}}),
        "parameters.content_type",
    ),
    "top_k is fractional": (json.dumps(request(text(), top_k=1.5)), "parameters.top_k"),
    "top_k is a list": (json.dumps(request(text(), top_k=[1])), "parameters.top_k"),
    "top_k is an object": (
        json.dumps(request(text(), option("top_k", {CANARY: 1}))),
        "inputs[1].data[0]",
    ),
    "function_to_apply is a list": (
        json.dumps(request(text(), function_to_apply=[CANARY])),
        "parameters.function_to_apply",
    ),
    "function_to_apply is an object": (
        json.dumps(request(text(), option("function_to_apply", {CANARY: 1}))),
        "inputs[1].data[0]",
    ),
}


@pytest.mark.parametrize(("body", "field"), BODIES.values(), ids=BODIES)
def test_wrong_json_is_refused(rest: httpx.Client, body: str | bytes, field: str) -> None:
    response = rest.post(rest_path("cardiffnlp"), content=body, headers=JSON)
    assert_refused(rest_answer(response.status_code, response.json()), field)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_other_media_types_are_refused(rest: httpx.Client, content_type: str) -> None:
    headers = {"content-type": content_type}
    response = rest.post(rest_path("cardiffnlp"), content=envelope(), headers=headers)
    assert_refused(rest_answer(response.status_code, response.json()), "Content-Type", 415)


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
def test_json_by_another_name_is_answered(rest: httpx.Client, content_type: str) -> None:
    headers = {"content-type": content_type}
    response = rest.post(rest_path("cardiffnlp"), content=envelope(), headers=headers)
    assert response.status_code == 200, response.text


def test_no_content_type_means_json(rest: httpx.Client) -> None:
    """Triton's HTTP client sends none."""
    response = rest.post(rest_path("cardiffnlp"), content=envelope())
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/cardiffnlp/infer", 405),
        ("DELETE", "/v2/models/cardiffnlp", 405),
        ("POST", "/v2/health/ready", 405),
        ("GET", f"/v3/{CANARY}", 404),
        ("GET", "/", 404),
        ("POST", f"/v2/models/cardiffnlp/{CANARY}", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/nobody/ready", 404),
        ("GET", "/v2/models/cardiffnlp/versions/1", 404),
        ("GET", "/v2/models/cardiffnlp/versions/1/ready", 404),
        ("POST", "/v2/repository/models/nobody/load", 404),
        ("POST", "/v2/repository/models/nobody/unload", 404),
    ],
)
def test_wrong_method_or_path(rest: httpx.Client, method: str, path: str, status: int) -> None:
    response = rest.request(method, path)
    assert_refused(rest_answer(response.status_code, response.json()), "", status)
    assert ("allow" in response.headers) == (status == 405)


# -------------------------------------------------------------------- in Protocol Buffers alone


def raw(*contents: bytes, inputs: tuple[Json, ...] = ()) -> pb.ModelInferRequest:
    """A request whose raw contents are these, whatever its inputs say."""
    made = message(request(*(inputs or (text(),))))
    for tensor_ in made.inputs:
        tensor_.ClearField("contents")
    made.raw_input_contents.extend(contents)
    return made


def with_text_contents(made: pb.ModelInferRequest, **contents: Any) -> pb.ModelInferRequest:
    made.inputs[0].ClearField("contents")
    for name, values in contents.items():
        getattr(made.inputs[0].contents, name).extend(values)
    return made


def with_double(made: pb.ModelInferRequest, name: str, value: float) -> pb.ModelInferRequest:
    """V2 has parameters of type double (field 4); MLServer's messages do not know them."""
    made.parameters[name].MergeFromString(b"\x21" + struct.pack("<d", value))
    return made


GOOD = packed([CANARY])
TOP_K = option("top_k", 2, "INT64")
TWO_INPUTS = (text(), TOP_K)
MESSAGES: dict[str, tuple[pb.ModelInferRequest, str]] = {
    "text cut off": (raw(GOOD[:-2]), "inputs"),
    "length cut off": (raw(GOOD[:2]), "inputs"),
    "more than the length says": (raw(GOOD + b"xx"), "inputs"),
    "length of 4 GiB": (raw(b"\xff\xff\xff\xff" + CANARY.encode()), "inputs"),
    "two texts where one is said": (raw(packed([CANARY, "b"])), DATA),
    "no text where one is said": (raw(b""), DATA),
    "contents for one input of two": (raw(GOOD, inputs=TWO_INPUTS), "inputs"),
    "number cut off": (raw(GOOD, b"\x02\0\0\0\0\0\0", inputs=TWO_INPUTS), "inputs"),
    "number too long": (raw(GOOD, b"\x02" + b"\0" * 8, inputs=TWO_INPUTS), "inputs"),
    "number of a huge shape": (
        raw(GOOD, b"\0" * 8, inputs=(text(), TOP_K | {"shape": [2**62] * 3})),
        "inputs",
    ),
    "number of an unknown datatype": (
        raw(GOOD, b"\0" * 8, inputs=(text(), TOP_K | {"datatype": CANARY})),
        "inputs",
    ),
    "contents for an input too many": (raw(GOOD, GOOD), "inputs"),
    "invalid UTF-8, raw": (raw(packed([b"\xff\xfe"])), f"{DATA}[0]"),
    "invalid UTF-8": (message(request(text([b"\xff\xfe"]))), f"{DATA}[0]"),
    "UTF-8 of half a character": (message(request(text([b"\xed\xa0\x80"]))), f"{DATA}[0]"),
    "contents missing": (with_text_contents(message(request(text()))), DATA),
    "numbers where texts are said": (
        with_text_contents(message(request(text())), fp32_contents=[1.0]),
        f"{DATA}[0]",
    ),
    "contents of two kinds": (
        with_text_contents(
            message(request(text())), int64_contents=[1], bytes_contents=[CANARY.encode()]
        ),
        f"{DATA}[0]",
    ),
    "content type is a number": (message(request(text(), content_type=7)), "inputs"),
    "headers are a text": (message(request(text(), headers=CANARY)), "inputs"),
    "top_k is a float": (with_double(message(request(text())), "top_k", 1.0), "parameters"),
}


@pytest.mark.parametrize(("prepared", "field"), MESSAGES.values(), ids=MESSAGES)
def test_wrong_message_is_refused(rpc: Grpc, prepared: pb.ModelInferRequest, field: str) -> None:
    assert_refused(rpc.send(prepared), field)


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        ("ModelMetadata", pb.ModelMetadataRequest(name="nobody")),
        ("ModelMetadata", pb.ModelMetadataRequest(name="cardiffnlp", version="1")),
        ("RepositoryModelLoad", pb.RepositoryModelLoadRequest(model_name="nobody")),
        ("RepositoryModelUnload", pb.RepositoryModelUnloadRequest(model_name="nobody")),
        ("ModelReady", pb.ModelReadyRequest(name="nobody")),
    ],
    ids=["metadata", "metadata of a version", "load", "unload", "ready"],
)
def test_unknown_model_is_not_found_over_grpc(stub: Any, method: str, asked: Any) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        getattr(stub, method)(asked, timeout=30, metadata=tuple(SECRETS.items()))
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


# --------------------------------------------------------------------------- and afterwards


@pytest.mark.parametrize("dimensions", [100, 60_000])
def test_long_shape_holds_nobody_up(client: httpx.Client, dimensions: int) -> None:
    """The product of a shape can have millions of digits."""
    body = json.dumps(request(text(shape=[2**62] * dimensions)))
    response = client.post(rest_path("cardiffnlp"), content=body, headers=JSON)
    assert_refused(rest_answer(response.status_code, response.json()), SHAPE)
    assert response.elapsed.total_seconds() < 2


def test_refusals_are_not_news_to_the_log(runtime: Runtime, rpc: Grpc, rest: httpx.Client) -> None:
    out, err = len(runtime.stdout), len(runtime.stderr)
    for secretive in (Rest(rest), rpc):
        assert secretive.infer(request(text(shape=[2]))).status == 400
        assert secretive.infer(request(text()), "nobody").status == 404
    said = runtime.stdout[out:] + runtime.stderr[err:]
    assert CANARY not in said
    assert "Traceback" not in said
