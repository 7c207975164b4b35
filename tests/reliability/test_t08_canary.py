"""Nothing of a request comes back in its refusal, and nothing of the machine behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime
from tests.live.protocol import message, packed, request
from tests.reliability.canaries import CANARY, GATEWAY, HEADERS, REST, RPC, Wrong, text
from tests.reliability.gateways import gateway_before

JSON = {"content-type": "application/json"}
# Files, modules, classes of Python, and what these say of themselves.
_BEHIND = re.compile(
    r"/(home|tmp|usr|var|opt|etc|root|work|proc)/|site-packages|\.py\b|\bline \d+\b"
    r"|\b(mlserver\w*|chorus_\w+|pydantic\w*|fastapi|starlette|uvicorn|h11|httptools|aiohttp|httpx)\b"
    r"|\b(grpc|grpcio|asyncio|orjson|numpy|torch|transformers|tokenizers|PIL)\b"
    r"|\b[A-Za-z]*(Error|Exception|Warning|Request|Response|Input|Tensor|Parameters)\b(?! should)"
    r"|\b(NoneType|dict|instance|object at|traceback|Traceback|bytes-like|codec)\b"
)


def assert_silent(*said: str) -> None:
    for words in said:
        assert CANARY not in words.lower(), words
        assert not (found := _BEHIND.search(words)), f"{found.group()!r} in {words!r}"


def assert_says_nothing(response: httpx.Response) -> None:
    assert 400 <= response.status_code < 600, (response.status_code, response.text)
    assert set(response.json()) == {"error"}
    assert_silent(response.json()["error"])
    for name, value in response.headers.items():
        assert CANARY not in f"{name}: {value}".lower()


def send(client: httpx.Client, wrong: Wrong) -> httpx.Response:
    headers = {**HEADERS, **JSON, **wrong.headers}
    return client.request(wrong.method, wrong.path, content=wrong.content, headers=headers)


@pytest.fixture(scope="module")
def rest(faulty: Runtime) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=faulty.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def gateway(launch: Launch, faulty: Runtime) -> Iterator[httpx.Client]:
    server = gateway_before(launch, faulty, "process")
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def stub(faulty: Runtime) -> Iterator[Any]:
    with grpc.insecure_channel(faulty.grpc_address) as channel:
        yield GRPCInferenceServiceStub(channel)


@pytest.mark.parametrize("wrong", REST.values(), ids=REST)
def test_t08_rest_says_nothing(rest: httpx.Client, wrong: Wrong) -> None:
    assert_says_nothing(send(rest, wrong))


@pytest.mark.parametrize("wrong", GATEWAY.values(), ids=GATEWAY)
def test_t08_gateway_says_nothing(gateway: httpx.Client, wrong: Wrong) -> None:
    assert_says_nothing(send(gateway, wrong))


@pytest.mark.parametrize(("method", "asked"), RPC.values(), ids=RPC)
def test_t08_grpc_says_nothing(stub: Any, method: str, asked: Any) -> None:
    assert_call_says_nothing(getattr(stub, method), asked)


def test_t08_stream_over_grpc_says_nothing(stub: Any) -> None:
    for model in (CANARY, "left"):
        asked = message(request(text(shape=[2])), model)
        assert_call_says_nothing(
            lambda it, **more: list(stub.ModelStreamInfer(it, **more)), iter([asked])
        )


def test_t08_raw_contents_over_grpc_say_nothing(stub: Any) -> None:
    good = packed([CANARY])
    for contents in (good[:-2], good[:2], good + b"x", b"\xff\xff\xff\xff" + CANARY.encode(), b""):
        asked = message(request(text()), "left", raw=True)
        asked.raw_input_contents[0] = contents
        assert_call_says_nothing(stub.ModelInfer, asked)


def test_t08_unknown_method_says_nothing(faulty: Runtime) -> None:
    with grpc.insecure_channel(faulty.grpc_address) as channel:
        for method in (f"/inference.GRPCInferenceService/{CANARY}", f"/{CANARY}/{CANARY}"):
            assert_call_says_nothing(channel.unary_unary(method, None, None), CANARY.encode())
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", None, None)
        assert_call_says_nothing(infer, b"\xff" + CANARY.encode())


def assert_call_says_nothing(call: Any, asked: Any) -> None:
    metadata = tuple((name, value) for name, value in HEADERS.items() if name != "user-agent")
    with pytest.raises(grpc.RpcError) as refusal:
        call(asked, timeout=30, metadata=metadata)
    error: Any = refusal.value
    assert error.code() not in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN), error
    assert_silent(error.details() or "")
    for name, value in (*(error.trailing_metadata() or ()), *(error.initial_metadata() or ())):
        assert CANARY not in f"{name}: {value}".lower()
