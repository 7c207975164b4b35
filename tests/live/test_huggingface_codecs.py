"""Requests as mlserver-huggingface's own codecs write them, answers as they read them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from mlserver.grpc.converters import ModelInferRequestConverter, ModelInferResponseConverter
from mlserver.types import InferenceRequest, InferenceResponse
from tests.live.oracle import TEXTS, assert_right
from tests.live.protocol import rest_path

PACKAGE = "mlserver_huggingface"


@dataclass(frozen=True)
class Wire:
    """A transport for MLServer's own types; texts are bytes where it is not JSON."""

    send: Callable[[InferenceRequest], InferenceResponse]
    use_bytes: bool


@pytest.fixture(scope="module")
def codecs() -> Any:
    """The codecs without their package, which imports what transformers no longer has."""
    import transformers.pipelines

    if PACKAGE not in sys.modules:
        spec = importlib.util.find_spec(PACKAGE)
        assert spec is not None
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    if not hasattr(transformers.pipelines, "Conversation"):
        vars(transformers.pipelines)["Conversation"] = type("Conversation", (), {})
    base = importlib.import_module(f"{PACKAGE}.codecs.base")
    single = importlib.import_module(f"{PACKAGE}.codecs.json").HuggingfaceSingleJSONCodec
    many = importlib.import_module(f"{PACKAGE}.codecs.jsonlist").HuggingfaceListJSONCodec
    return SimpleNamespace(request=base.HuggingfaceRequestCodec, json=single, jsonlist=many)


@pytest.fixture(params=["REST", "gRPC", "raw gRPC"])
def wire(request: pytest.FixtureRequest, client: httpx.Client, stub: Any) -> Wire:
    def rest(asked: InferenceRequest) -> InferenceResponse:
        response = client.post(rest_path("cardiffnlp"), json=asked.model_dump())
        return InferenceResponse.model_validate(response.raise_for_status().json())

    def rpc(asked: InferenceRequest) -> InferenceResponse:
        raw = request.param == "raw gRPC"
        message = ModelInferRequestConverter.from_types(asked, "cardiffnlp", use_raw=raw)
        answer: InferenceResponse = ModelInferResponseConverter.to_types(
            stub.ModelInfer(message, timeout=30)
        )
        return answer

    return Wire(rest, use_bytes=False) if request.param == "REST" else Wire(rpc, use_bytes=True)


def rows_of(codecs: Any, answer: InferenceResponse) -> Any:
    return codecs.request.decode_response(answer)["output"]


@pytest.mark.parametrize("name", ["args", "array_inputs", "inputs"])
@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS[:3]], ids=len)
def test_request_codec(codecs: Any, wire: Wire, name: str, texts: Sequence[str]) -> None:
    asked = codecs.request.encode_request({name: list(texts)}, use_bytes=wire.use_bytes)
    assert asked.parameters.content_type == "hf"
    for row, text in zip(rows_of(codecs, wire.send(asked)), texts, strict=True):
        assert_right([row], "cardiffnlp", text)


def test_request_codec_with_options(codecs: Any, client: httpx.Client) -> None:
    """It writes a number as BYTES, which only JSON can carry."""
    payload = {"args": [TEXTS[0]], "top_k": 2, "function_to_apply": "sigmoid"}
    asked = codecs.request.encode_request(payload, use_bytes=False)
    response = client.post(rest_path("cardiffnlp"), json=asked.model_dump())
    answer = InferenceResponse.model_validate(response.raise_for_status().json())
    assert_right(rows_of(codecs, answer), "cardiffnlp", TEXTS[0], 2, "sigmoid")


@pytest.mark.parametrize("codec", ["json", "jsonlist"])
def test_json_codecs(codecs: Any, wire: Wire, codec: str) -> None:
    texts = list(TEXTS[:3])
    given = getattr(codecs, codec).encode_input("array_inputs", texts, use_bytes=wire.use_bytes)
    assert given.parameters.content_type == f"hg_{codec}"
    for row, text in zip(
        rows_of(codecs, wire.send(InferenceRequest(inputs=[given]))), texts, strict=True
    ):
        assert_right([row], "cardiffnlp", text)
