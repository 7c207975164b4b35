"""What gRPC's callers hear of what a method raises, over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import grpc
import pytest
from mlserver.errors import MLServerError, ModelNotReady
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc import model_repository_pb2 as repository_pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub

from mlserver_chorus.errors import STATUSES, InvalidRequest
from mlserver_chorus.guard.grpc_calls import Calls
from mlserver_chorus.guard.in_flight import InFlight

SERVICE = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"]
CODE = grpc.StatusCode

RAISED = {
    "a bug": (KeyError("secret"), CODE.INTERNAL, "internal error"),
    "a refusal": (InvalidRequest("inputs", "wrong"), CODE.INVALID_ARGUMENT, "inputs: wrong"),
    "not ready": (ModelNotReady("m"), CODE.UNAVAILABLE, "Model m is not ready yet."),
    "full": (MLServerError("full", 503), CODE.UNAVAILABLE, "full"),
    "over a limit": (MLServerError("yours", 429), CODE.RESOURCE_EXHAUSTED, "yours"),
    "late": (MLServerError("late", 504), CODE.DEADLINE_EXCEEDED, "late"),
    "a status of no meaning here": (MLServerError("odd", 418), CODE.INTERNAL, "odd"),
}


class Raising:
    """Answers every method with an error."""

    def __init__(self) -> None:
        self.error: Exception = ValueError()

    def __getattr__(self, name: str) -> Any:
        return self._stream if name == "ModelStreamInfer" else self._unary

    async def _unary(self, request: Any, context: Any) -> Any:
        raise self.error

    async def _stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            yield pb.ModelInferResponse(id="first")
        raise self.error


@pytest.fixture
def raising() -> Raising:
    return Raising()


@pytest.fixture
async def stub(raising: Raising) -> AsyncIterator[Any]:
    server: Any = grpc.aio.server()
    server.add_registered_method_handlers(
        SERVICE.full_name, Calls(InFlight()).handlers(raising, SERVICE)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield GRPCInferenceServiceStub(channel)
    await server.stop(None)


@pytest.mark.parametrize(("error", "code", "words"), RAISED.values(), ids=RAISED)
async def test_an_error_is_a_status_in_our_words(
    stub: Any, raising: Raising, error: Exception, code: grpc.StatusCode, words: str
) -> None:
    raising.error = error
    with pytest.raises(grpc.aio.AioRpcError) as unary:
        await stub.ModelInfer(pb.ModelInferRequest())
    call = stub.ModelStreamInfer(iter([pb.ModelInferRequest()]))
    assert (await call.read()).id == "first"
    with pytest.raises(grpc.aio.AioRpcError) as stream:
        await call.read()
    for refusal in (unary.value, stream.value):
        assert (refusal.code(), refusal.details()) == (code, words)
        trailing: Any = refusal.trailing_metadata()
        comes_back = code in (CODE.UNAVAILABLE, CODE.RESOURCE_EXHAUSTED)
        assert ("retry-after" in dict(trailing)) is comes_back


@pytest.mark.parametrize("status", sorted(set(STATUSES.values())))
async def test_every_status_of_the_engine_has_a_code(
    stub: Any, raising: Raising, status: int
) -> None:
    raising.error = MLServerError("words", status)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.ModelInfer(pb.ModelInferRequest())
    assert (refusal.value.code() is CODE.INTERNAL) is (status == 500)
    assert refusal.value.code() is not CODE.UNKNOWN


def test_the_older_repository_service_is_the_same_on_the_wire() -> None:
    """One servicer answers both."""
    older = repository_pb.DESCRIPTOR.services_by_name["ModelRepositoryService"]
    for method in older.methods:
        twin = SERVICE.methods_by_name[method.name]
        for mine, theirs in (
            (method.input_type, twin.input_type),
            (method.output_type, twin.output_type),
        ):
            numbers = {field.name: field.number for field in theirs.fields}
            assert {f.name: f.number for f in mine.fields}.items() <= numbers.items()


IN_USE: ContextVar[str] = ContextVar("in_use")


class Bound:
    """A stream that sets something for as long as it lasts, as MLServer's do."""

    def __init__(self) -> None:
        self.closed = False

    def __getattr__(self, name: str) -> Any:
        return self._stream

    async def _stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        token = IN_USE.set("model")
        try:
            yield pb.ModelInferResponse(id="first")
            yield pb.ModelInferResponse(id="second")
        finally:
            self.closed = True
            IN_USE.reset(token)


class Told:
    """The context of a call, of which nothing may be said any more."""

    def set_trailing_metadata(self, _: Any) -> None:
        """Before the first answer."""

    async def abort(self, *_: Any) -> None:
        raise AssertionError("nobody is there to be told")


async def test_a_stream_that_is_left_is_closed_in_another_context_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bound = Bound()
    handler: Any = Calls(InFlight()).handlers(bound, SERVICE)["ModelStreamInfer"]
    answers = handler.stream_stream(_none(), Told())
    assert (await anext(answers)).id == "first"
    await asyncio.create_task(answers.aclose())  # as asyncio does, in a task of its own
    assert bound.closed
    assert not caplog.records


async def _none() -> AsyncIterator[Any]:
    requests: list[Any] = []
    for request in requests:
        yield request
