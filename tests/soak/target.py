"""The server under test, as its clients see it: open connections, and the texts they know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiohttp
import grpc
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.soak.subjects import Truth

HOST = "127.0.0.1"
PATIENCE_S = 30.0
"""A caller that gets no answer for so long has found a fault."""
IDLE_S = 30.0
"""Below the 65 s after which the servers close, so that no request meets a closing connection."""


class Outcome(NamedTuple):
    """How one request ended."""

    said: str
    """The status, or how it ended without one."""
    expected: bool
    wrong: str = ""
    """What is wrong with an answer that had the right status."""
    error: str = ""
    """In the server's words."""


class Ports(NamedTuple):
    """Where `chorus serve` listens."""

    gateway: int
    v2: int
    grpc: int
    metrics: int


@dataclass(frozen=True)
class Target:
    """What every client is handed."""

    ports: Ports
    session: aiohttp.ClientSession
    stub: Any
    truths: Sequence[Truth]

    @property
    def gateway(self) -> str:
        """URL of the gateway."""
        return f"http://{HOST}:{self.ports.gateway}"

    @property
    def v2(self) -> str:
        """URL of the model server."""
        return f"http://{HOST}:{self.ports.v2}"


@asynccontextmanager
async def connected(ports: Ports, truths: Sequence[Truth]) -> AsyncIterator[Target]:
    """Open the clients of both HTTP ports and of gRPC."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S)
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
        grpc.aio.insecure_channel(f"{HOST}:{ports.grpc}") as channel,
    ):
        yield Target(ports, session, GRPCInferenceServiceStub(channel), truths)
