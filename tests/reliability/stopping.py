"""Servers that are told to stop: started for it, asked while they do, timed until they are gone."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Runtime
from tests.live.protocol import message, request, rest_path, tensor

SLOW = Path(__file__).parent / "slow"


@dataclass(frozen=True)
class End:
    """How a server ended: its exit code, and the seconds from the signal."""

    code: int
    seconds: float


async def terminated(server: Runtime) -> End:
    """Send SIGTERM and wait for the end."""
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    code = await asyncio.to_thread(server.exit_code, 60)
    return End(code, time.monotonic() - begun)


def measured(what: str, end: End) -> None:
    """Report a figure; `pytest -s` shows it."""
    print(f"{what}: gone after {end.seconds:.2f} s")  # noqa: T201


async def rest(client: httpx.AsyncClient, text: str, model: str = "left") -> httpx.Response:
    return await client.post(rest_path(model), json=request(tensor([text])))


class Rpc:
    """One gRPC channel to a server."""

    def __init__(self, server: Runtime) -> None:
        self.channel: Any = grpc.aio.insecure_channel(server.grpc_address)
        self.stub: Any = GRPCInferenceServiceStub(self.channel)

    async def __aenter__(self) -> Rpc:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()

    async def infer(self, text: str, model: str = "left") -> grpc.StatusCode:
        """The status of one inference."""
        try:
            await self.stub.ModelInfer(message(request(tensor([text])), model))
        except grpc.aio.AioRpcError as error:
            trailing: Any = error.trailing_metadata()
            self.trailing: dict[str, str] = dict(trailing)
            self.details = error.details() or ""
            return error.code()
        return grpc.StatusCode.OK


async def until_in_flight(server: Runtime, texts: int) -> None:
    """Wait until the engine has so many texts."""
    while await asyncio.to_thread(server.metric, "chorus_engine_texts_in_flight") < texts:
        await asyncio.sleep(0.02)
