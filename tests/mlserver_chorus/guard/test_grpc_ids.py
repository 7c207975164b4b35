"""Every gRPC call has an id, whatever becomes of it, and a line in the access log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from mlserver.errors import MLServerError
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub

from chorus_http.logs.access_log import note
from chorus_http.logs.lines import FIELDS
from chorus_http.logs.request_ids import CURRENT
from chorus_http.logs.setup import ACCESS
from mlserver_chorus.guard.grpc_calls import Calls
from mlserver_chorus.guard.grpc_ids import METHODS, PROBES, IdentifyCalls
from mlserver_chorus.guard.in_flight import InFlight

SERVICE = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"]
INFER, STREAM = (
    "/inference.GRPCInferenceService/ModelInfer",
    "/inference.GRPCInferenceService/ModelStreamInfer",
)


class Servicer:
    """Answers with the id that it sees; a model that is called by a number is not ready."""

    def __getattr__(self, name: str) -> Any:
        return self._stream if name == "ModelStreamInfer" else self._unary

    async def _unary(self, request: Any, context: Any) -> Any:
        if getattr(request, "model_name", "").isdigit():
            raise MLServerError("not ready", 503)
        if getattr(request, "model_name", "") == "slow":
            await asyncio.sleep(60)
        note(model="left", items=1)
        return pb.ModelInferResponse(id=CURRENT.get())

    async def _stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            yield pb.ModelInferResponse(id=CURRENT.get())


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server: Any = grpc.aio.server(interceptors=[IdentifyCalls(access_log=True)])
    handlers = Calls(InFlight()).handlers(Servicer(), SERVICE)
    server.add_registered_method_handlers(SERVICE.full_name, handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(None)


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> Any:
    return GRPCInferenceServiceStub(channel)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> _Lines:
    caplog.set_level(logging.INFO, ACCESS)
    return _Lines(caplog)


class _Lines(list[dict[str, Any]]):
    """What the access log has said by the time that somebody looks."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        super().__init__()
        self._caplog = caplog

    async def until(self, count: int) -> list[dict[str, Any]]:
        """A line is written when its answer is out already."""
        async with asyncio.timeout(30):
            while len(found := self._found()) < count:
                await asyncio.sleep(0.01)
        return found

    def _found(self) -> list[dict[str, Any]]:
        records = [record for record in self._caplog.records if record.name == ACCESS]
        return [getattr(record, FIELDS) for record in records]


async def told(call: Any) -> str:
    trailing = dict(await call.trailing_metadata())
    return str(trailing["x-request-id"])


@pytest.mark.parametrize(("given", "taken"), [("mine", True), ("not mine", False), (None, False)])
async def test_an_answer_has_it(stub: Any, given: str | None, taken: bool) -> None:
    metadata = (("x-request-id", given),) if given else ()
    call = stub.ModelInfer(pb.ModelInferRequest(), metadata=metadata)
    seen = (await call).id
    assert seen == await told(call)
    assert (seen == given) is taken


async def test_a_refusal_has_it(stub: Any) -> None:
    call = stub.ModelInfer(
        pb.ModelInferRequest(model_name="1"), metadata=(("x-request-id", "mine"),)
    )
    with pytest.raises(grpc.aio.AioRpcError):
        await call
    assert await told(call) == "mine"
    assert "retry-after" in dict(await call.trailing_metadata())


async def test_a_stream_has_it(stub: Any) -> None:
    asked = iter([pb.ModelInferRequest()] * 3)
    call = stub.ModelStreamInfer(asked, metadata=(("x-request-id", "mine"),))
    assert [answer.id async for answer in call] == ["mine"] * 3
    assert await told(call) == "mine"


async def test_the_log_says_what_became_of_each(stub: Any, lines: _Lines) -> None:
    await stub.ModelInfer(pb.ModelInferRequest())
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.ModelInfer(pb.ModelInferRequest(model_name="1"))
    async for _ in stub.ModelStreamInfer(iter([pb.ModelInferRequest()])):
        pass
    left = stub.ModelInfer(pb.ModelInferRequest(model_name="slow"))
    await asyncio.sleep(0.2)
    left.cancel()
    found = await lines.until(4)
    assert [(line["route"], line["status"]) for line in found] == [
        (INFER, "OK"),
        (INFER, "UNAVAILABLE"),
        (STREAM, "OK"),
        (INFER, "CANCELLED"),
    ]
    assert (found[0]["model"], found[0]["items"], found[0]["method"]) == ("left", 1, "gRPC")
    assert found[1]["model"] == "-"


async def test_neither_probes_nor_made_up_methods_are_in_it(
    channel: grpc.aio.Channel, stub: Any, lines: _Lines
) -> None:
    await stub.ServerLive(pb.ServerLiveRequest())
    made_up: Any = channel.unary_unary("/made.up/Method", None, None)
    with pytest.raises(grpc.aio.AioRpcError):
        await made_up(b"")
    await stub.ModelInfer(pb.ModelInferRequest())
    assert len(await lines.until(1)) == 1


def test_the_methods_are_those_that_are_served() -> None:
    assert {INFER, STREAM} < METHODS - PROBES
    assert {method.rpartition("/")[2] for method in PROBES} == {
        *("ServerLive", "ServerReady", "ModelReady"),
        *("Check", "Watch"),
    }
