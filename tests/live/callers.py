"""Many callers at once: asynchronous clients, and callers who know their own right answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from tests.conftest import Runtime
from tests.live.oracle import CLASSIFIERS, TEXTS, assert_right
from tests.live.protocol import (
    Answer,
    Json,
    grpc_answer,
    grpc_refusal,
    message,
    request,
    rest_answer,
    rest_path,
    tensor,
)


@dataclass(frozen=True)
class Clients:
    """Both transports, open."""

    session: aiohttp.ClientSession
    stub: Any

    async def rest(self, asked: Json, model: str) -> Answer:
        async with self.session.post(rest_path(model), json=asked) as response:
            return rest_answer(response.status, await response.json())

    async def grpc(self, asked: Json, model: str) -> Answer:
        try:
            return grpc_answer(await self.stub.ModelInfer(message(asked, model), timeout=60))
        except grpc.RpcError as error:
            return grpc_refusal(error)

    def either(self, number: int) -> Callable[[Json, str], Any]:
        return self.rest if number % 2 else self.grpc


@asynccontextmanager
async def clients_of(runtime: Runtime) -> AsyncIterator[Clients]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=60)
    async with (
        aiohttp.ClientSession(runtime.url, connector=connector, timeout=timeout) as session,
        grpc.aio.insecure_channel(runtime.grpc_address) as channel,
    ):
        yield Clients(session, GRPCInferenceServiceStub(channel))


@dataclass(frozen=True)
class Caller:
    """Someone with a text and options of their own."""

    model: str
    text: str
    k: int | None = None
    function: str | None = None

    @classmethod
    def number(cls, n: int) -> Caller:
        """The n-th of many, no two alike."""
        return cls(
            CLASSIFIERS[n % len(CLASSIFIERS)],
            f"{TEXTS[n % len(TEXTS)]} ({n} {TEXTS[n // len(TEXTS)]})",
            (None, 1, 2, 3)[n % 4],
            (None, "none", "sigmoid")[n % 3],
        )

    @property
    def asked(self) -> Json:
        options: Json = {"top_k": self.k, "function_to_apply": self.function}
        given = {name: value for name, value in options.items() if value is not None}
        return request(tensor([self.text]), **given)

    def check(self, answer: Answer) -> None:
        (given,) = answer.results
        rows = given if self.k else [given]
        assert_right(rows, self.model, self.text, self.k or 1, self.function)


async def until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for a condition that a thread may look at."""
    give_up = asyncio.get_running_loop().time() + seconds
    while not await asyncio.to_thread(condition):
        assert asyncio.get_running_loop().time() < give_up, f"never happened: {what}"
        await asyncio.sleep(0.02)
