"""Clients that lose patience: they go, by HTTP or gRPC, while their text waits or is computed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import grpc
from tests.live.protocol import message, request, tensor
from tests.soak.clients import good
from tests.soak.target import Outcome, Target

LONGEST_S = 0.05
"""Around the time of an answer: some leave before their text is sent, some as the answer comes."""
LEFT = Outcome("left", True)
TOO_LATE = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
"""What a deadline leads to: the second where the server sees at once that it cannot be met."""


async def process(target: Target, random: Random) -> Outcome:
    """Close the connection to the gateway."""
    return await _for_a_moment(good.process, target, random)


async def rest(target: Target, random: Random) -> Outcome:
    """Close the connection to the model server."""
    return await _for_a_moment(good.rest, target, random)


async def grpc_(target: Target, random: Random) -> Outcome:
    """Cancel the call."""
    call = target.stub.ModelInfer(_question(target, random))
    await asyncio.sleep(random.uniform(0, LONGEST_S))
    if call.cancel():
        return LEFT
    code = await call.code()
    return Outcome(code.name, code is grpc.StatusCode.OK)


async def deadline(target: Target, random: Random) -> Outcome:
    """Give the call a deadline that it can hardly meet."""
    seconds = random.uniform(1e-3, LONGEST_S)
    try:
        await target.stub.ModelInfer(_question(target, random), timeout=seconds)
    except grpc.RpcError as error:
        code = error.code()
        return Outcome(code.name, code in TOO_LATE, error=error.details() or "")
    return Outcome("OK", True)


async def _for_a_moment(
    ask: Callable[[Target, Random], Awaitable[Outcome]], target: Target, random: Random
) -> Outcome:
    try:
        return await asyncio.wait_for(ask(target, random), random.uniform(0, LONGEST_S))
    except TimeoutError:
        return LEFT


def _question(target: Target, random: Random) -> object:
    truth = random.choice(target.truths)
    return message(request(tensor([truth.text])), random.choice(list(truth.rows)))
