"""T17: a request for nothing is answered at once, and holds up no shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Launch, Runtime
from tests.live.callers import clients_of
from tests.live.protocol import Grpc, Json, Rest, Transport, request, tensor
from tests.reliability.conftest import FAULTY

SECONDS = 5.0
"""Deadline for an answer that costs nothing."""
NOTHING: dict[str, tuple[Json, int]] = {
    "no inputs": (request(), 400),
    "no texts": (request(tensor([])), 200),
    "no rows": (request(tensor([], shape=[0, 1])), 200),
    "no columns": (request(tensor([], shape=[3, 0])), 200),
    "no texts, an option": (request(tensor([]), top_k=2), 200),
    "no texts, outputs": (request(tensor([]), outputs=["label", "score"]), 200),
}


@pytest.fixture(scope="module", params=["REST", "gRPC", "raw gRPC"])
def transport(request: pytest.FixtureRequest, faulty: Runtime) -> Iterator[Transport]:
    if request.param == "REST":
        with httpx.Client(base_url=faulty.url, timeout=SECONDS) as opened:
            yield Rest(opened)
        return
    with grpc.insecure_channel(faulty.grpc_address) as channel:
        yield Grpc(GRPCInferenceServiceStub(channel), raw=request.param == "raw gRPC")


@pytest.mark.parametrize(("asked", "status"), NOTHING.values(), ids=NOTHING)
def test_t17_nothing_is_answered_with_nothing(
    transport: Transport, asked: Json, status: int
) -> None:
    answer = transport.infer(asked, "left")
    assert answer.status == status, answer.error
    for output in answer.outputs.values():
        assert output.data == []
        assert output.shape[0] == 0


async def test_t17_asking_for_nothing_holds_up_no_shutdown(launch: Launch) -> None:
    server = launch(FAULTY)
    await asyncio.to_thread(server.wait_until_ready, "left", "right", "process")
    async with clients_of(server) as clients:
        asked = [
            clients.either(number)(nothing, "left")
            for number, (nothing, _) in enumerate(list(NOTHING.values()) * 10)
        ]
        answers = await asyncio.wait_for(asyncio.gather(*asked), SECONDS * 4)
    assert {answer.status for answer in answers} == {200, 400}
    assert await asyncio.to_thread(server.terminate) == 0, server.log
