"""Clients of the shared server, one per transport."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Runtime
from tests.live.protocol import Grpc, Rest, Transport


@pytest.fixture(scope="session")
def client(runtime: Runtime) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=runtime.url, timeout=60) as opened:
        yield opened


@pytest.fixture(scope="session")
def stub(runtime: Runtime) -> Iterator[Any]:
    with grpc.insecure_channel(runtime.grpc_address) as channel:
        yield GRPCInferenceServiceStub(channel)


@pytest.fixture(scope="session")
def transports(client: httpx.Client, stub: Any) -> dict[str, Transport]:
    return {"REST": Rest(client), "gRPC": Grpc(stub), "raw gRPC": Grpc(stub, raw=True)}


@pytest.fixture(params=["REST", "gRPC", "raw gRPC"])
def transport(request: pytest.FixtureRequest, transports: dict[str, Transport]) -> Transport:
    """Every way to ask, so that a test of the protocol is a test of each of them."""
    return transports[request.param]
