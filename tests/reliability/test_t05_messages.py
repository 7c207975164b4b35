"""Protocol Buffers with broken bytes: refused as the caller's fault, by a server that lives on."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import grpc
import pytest
from mlserver.grpc import dataplane_pb2 as pb
from tests.conftest import Runtime, unexpected
from tests.live.protocol import STATUSES, message, option, request, tensor
from tests.reliability.seeds import VARIABLE, fresh_seed, quick_seed

AT_ONCE = 32
SERVICE = "/inference.GRPCInferenceService"
_ASKED = request(tensor(["a", "b"]), option("top_k", 2, "INT64"), outputs=["label"]) | {"id": "1"}
CALLS: dict[str, bytes] = {
    "ModelInfer": message(_ASKED, "left").SerializeToString(),
    "ModelInfer, raw": message(_ASKED, "left", raw=True).SerializeToString(),
    "ModelMetadata": pb.ModelMetadataRequest(name="left").SerializeToString(),
    "ModelReady": pb.ModelReadyRequest(name="left").SerializeToString(),
    "RepositoryIndex": pb.RepositoryIndexRequest(ready=True).SerializeToString(),
}


def test_t05_messages(faulty: Runtime) -> None:
    asyncio.run(fuzz(faulty, quick_seed(), cases=300))


@pytest.mark.slow
def test_t05_5000_messages(faulty: Runtime) -> None:
    asyncio.run(fuzz(faulty, fresh_seed(), cases=5000))


def broken(random: Random, data: bytes) -> bytes:
    """The message with bits flipped, bytes put in, or bytes gone."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(changed) + 1)
        match random.randrange(4):
            case 0 if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                changed[at:at] = random.randbytes(random.randint(1, 10))
            case 2:
                del changed[at : at + random.randint(1, 10)]
            case _:
                changed = changed[:at]
    return bytes(changed)


async def fuzz(server: Runtime, seed: int, cases: int) -> None:
    random = Random(seed)
    drawn = [(name, broken(random, CALLS[name])) for name in random.choices(list(CALLS), k=cases)]
    logged = len(server.log)
    turn = asyncio.Semaphore(AT_ONCE)
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:

        async def verdict(name: str, data: bytes) -> Any:
            call = channel.unary_unary(f"{SERVICE}/{name.partition(',')[0]}", None, None)
            async with turn:
                try:
                    await call(data, timeout=20)
                except grpc.aio.AioRpcError as error:
                    return error.code()
            return grpc.StatusCode.OK

        codes = await asyncio.gather(*(verdict(*case) for case in drawn))
        assert await channel.unary_unary(f"{SERVICE}/ServerReady", None, None)(b"", timeout=20)
    wrong = {
        f"{name} {data!r}: {code}"
        for (name, data), code in zip(drawn, codes, strict=True)
        if not 200 <= STATUSES.get(code, 500) < 500
    }
    assert not wrong, f"{VARIABLE}={seed}: {len(wrong)} of {cases}, one of them: {min(wrong)}"
    assert not unexpected(server.log[logged:])
