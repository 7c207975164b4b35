"""T02: what a wrong request gets over gRPC: its status, the field named, none of Python's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc import model_repository_pb2 as repository_pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.grpc.model_repository_pb2_grpc import ModelRepositoryServiceStub
from tests.conftest import Runtime, unexpected
from tests.live.protocol import Grpc, Json, message, packed, request, tensor
from tests.reliability.messages import GARBAGE, MESSAGES
from tests.reliability.rows import (
    CANARY,
    SECRETS,
    UNKNOWN_MODELS,
    UNSPEAKABLE,
    WRONG,
    WRONG_OF_ENSEMBLE,
    assert_refused,
    text,
)

INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
METADATA = tuple(SECRETS.items())


@pytest.fixture(scope="module")
def channel(faulty: Runtime) -> Iterator[Any]:
    with grpc.insecure_channel(faulty.grpc_address) as opened:
        yield opened


@pytest.fixture(scope="module")
def stub(channel: Any) -> Any:
    return GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="module")
def rpc(stub: Any) -> Grpc:
    """A client with secrets in its metadata."""
    return Grpc(stub, headers=SECRETS)


def refused(call: Any, *arguments: Any, **more: Any) -> tuple[grpc.StatusCode, str]:
    """The status of a call that must fail, and its words, of which none may be Python's."""
    with pytest.raises(grpc.RpcError) as refusal:
        call(*arguments, timeout=30, metadata=METADATA, **more)
    words = refusal.value.details() or ""
    for word in UNSPEAKABLE:
        assert word not in words
    return refusal.value.code(), words


@pytest.mark.parametrize(("asked", "field"), WRONG.values(), ids=WRONG)
def test_t02_wrong_request_is_refused(rpc: Grpc, asked: Json, field: str) -> None:
    parameters = asked.get("parameters", {}) | {"note": CANARY}
    assert_refused(rpc.infer(asked | {"parameters": parameters}, "left"), field)


def _of_texts(asked: Json) -> bool:
    return all(isinstance(e, str) for given in asked["inputs"] for e in given["data"])


RAW = {name: row for name, row in WRONG.items() if _of_texts(row[0])}


@pytest.mark.parametrize(("asked", "field"), RAW.values(), ids=RAW)
def test_t02_wrong_request_with_raw_contents_is_refused(rpc: Grpc, asked: Json, field: str) -> None:
    made = message(asked, "left")
    for given, said in zip(made.inputs, asked["inputs"], strict=True):
        given.ClearField("contents")
        made.raw_input_contents.append(packed(said["data"]))
    answer = rpc.send(made)
    # Where bytes are no numbers, the request has no elements of which one could be named.
    assert_refused(answer, "inputs:" if answer.error.startswith("inputs:") else field)


@pytest.mark.parametrize(("prepared", "field"), MESSAGES.values(), ids=MESSAGES)
def test_t02_wrong_message_is_refused(
    rpc: Grpc, prepared: pb.ModelInferRequest, field: str
) -> None:
    assert_refused(rpc.send(prepared), field)


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
def test_t02_what_is_no_message_is_refused(channel: Any, sent: bytes) -> None:
    code, words = refused(channel.unary_unary(INFER), sent)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert words.startswith("request:")
    code, _ = refused(lambda *a, **m: list(channel.stream_stream(STREAM)(*a, **m)), iter([sent]))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_t02_a_stream_of_nothing_is_refused(channel: Any) -> None:
    code, words = refused(lambda *a, **m: list(channel.stream_stream(STREAM)(*a, **m)), iter([]))
    assert (code, words) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "request: the stream holds none",
    )


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip], ids=["plain", "zipped"])
def test_t02_a_message_beyond_the_limit_is_refused(
    faulty: Runtime, compression: grpc.Compression | None
) -> None:
    """Also one that is small until it is unpacked."""
    channel: Any = grpc.insecure_channel(faulty.grpc_address, compression=compression)
    with channel:
        code, words = refused(channel.unary_unary(INFER), bytes(17 << 20))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in words


@pytest.mark.parametrize(
    ("asked", "field"), WRONG_OF_ENSEMBLE.values(), ids=WRONG_OF_ENSEMBLE.keys()
)
def test_t02_ensemble_refuses_alike(rpc: Grpc, asked: Json, field: str) -> None:
    assert_refused(rpc.infer(asked, "process"), field)


@pytest.mark.parametrize(("model", "version"), UNKNOWN_MODELS)
def test_t02_unknown_model_or_version_is_not_found(
    rpc: Grpc, stub: Any, model: str, version: str
) -> None:
    assert_refused(rpc.infer(request(text()), model, version), "", 404)
    for asked in (
        pb.ModelReadyRequest(name=model, version=version),
        pb.ModelMetadataRequest(name=model, version=version),
    ):
        call = getattr(stub, type(asked).__name__.removesuffix("Request"))
        assert refused(call, asked)[0] is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as refusal:
        list(stub.ModelStreamInfer(iter([message(request(text()), model, version)]), timeout=30))
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("verb", ["Load", "Unload"])
def test_t02_the_repository_knows_no_stranger(channel: Any, verb: str) -> None:
    """Under both of its names."""
    method = f"RepositoryModel{verb}"
    for stub, messages in (
        (GRPCInferenceServiceStub(channel), pb),
        (ModelRepositoryServiceStub(channel), repository_pb),
    ):
        asked = getattr(messages, f"{method}Request")(model_name="nobody")
        assert refused(getattr(stub, method), asked)[0] is grpc.StatusCode.NOT_FOUND


def test_t02_the_index_speaks_the_protocols_words(channel: Any) -> None:
    for stub, messages in (
        (GRPCInferenceServiceStub(channel), pb),
        (ModelRepositoryServiceStub(channel), repository_pb),
    ):
        index = stub.RepositoryIndex(messages.RepositoryIndexRequest(), timeout=30)
        states = {item.name: item.state for item in index.models}
        assert states == {"left": "READY", "right": "READY", "process": "READY"}


def test_t02_a_failing_model_says_nothing(rpc: Grpc) -> None:
    failed = rpc.infer(request(tensor([f"poison {CANARY}"])), "left")
    assert_refused(failed, "", 500)


def test_t02_an_unknown_method_is_unimplemented(channel: Any) -> None:
    unknown = channel.unary_unary("/inference.GRPCInferenceService/ModelExplain")
    assert refused(unknown, b"")[0] is grpc.StatusCode.UNIMPLEMENTED


def test_t02_refusals_are_not_news_to_the_log(faulty: Runtime, rpc: Grpc) -> None:
    out, err = len(faulty.stdout), len(faulty.stderr)
    assert rpc.infer(request(text(shape=[2])), "left").status == 400
    assert rpc.infer(request(text()), "nobody").status == 404
    said = faulty.stdout[out:] + faulty.stderr[err:]
    assert CANARY not in said
    assert not unexpected(said)


def test_t02_unknown_names_leave_no_series_in_the_metrics(faulty: Runtime, rpc: Grpc) -> None:
    for number in range(5):
        assert rpc.infer(request(text()), f"foreigner-{number}").status == 404
    page = httpx.get(f"http://127.0.0.1:{faulty.ports.metrics}/metrics").text
    assert "foreigner" not in page
