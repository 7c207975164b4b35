"""Everybody at once, and everybody gets exactly what is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.conftest import Runtime
from tests.live.callers import Caller, Clients, clients_of
from tests.live.oracle import distribution
from tests.live.protocol import Json, request, tensor

CALLERS = [Caller.number(n) for n in range(200)]
ROUNDS = 20
BATCHES = "chorus_engine_batch_rows_count"
# Requests that say one thing in `shape` and bring another: the neighbours' answers are at stake.
LIES: list[Json] = [
    request(tensor(["mine"], shape=[3])),
    request(tensor(["mine", "yours", "theirs"], shape=[1])),
    request(tensor(["mine"], shape=[-1])),
    request(tensor(["mine"], shape=[])),
    request(tensor(["mine"], shape=[0])),
    request(tensor(["mine", "yours"], shape=[3, 1])),
    request(tensor(["mine"], shape=[2**40])),
    request(tensor(["mine"], "args", shape=[1, 2])),
]


async def test_200_callers_with_liars_among_them(runtime: Runtime) -> None:
    wrong: list[str] = []

    async def honest(clients: Clients, number: int, turn: int) -> None:
        caller = CALLERS[number]
        answer = await clients.either(number + turn)(caller.asked, caller.model)
        try:
            caller.check(answer)
        except AssertionError as error:
            wrong.append(str(error))

    async def liar(clients: Clients, number: int, turn: int) -> None:
        lie = LIES[number % len(LIES)]
        answer = await clients.either(number + turn)(lie, CALLERS[number].model)
        if answer.status != 400 or answer.outputs:
            wrong.append(f"{lie} was answered {answer}")

    batches = runtime.metric(BATCHES)
    async with clients_of(runtime) as clients:
        for turn in range(ROUNDS):
            liars = (liar(clients, n, turn) for n in range(2 * len(LIES)))
            await asyncio.gather(*(honest(clients, n, turn) for n in range(len(CALLERS))), *liars)
    batches = runtime.metric(BATCHES) - batches
    assert batches < ROUNDS * len(CALLERS) / 4, "too few shared a batch for this test to mean much"
    assert not wrong, f"{len(wrong)} wrong answers, the first: {wrong[0]}"


def test_callers_differ_enough_to_see_a_mix_up() -> None:
    """Probabilities may all be near 1; those who ask for logits must be told apart."""
    callers = [caller for caller in CALLERS if caller.function == "none"]
    answers = {
        (caller.model, *(round(v, 3) for v in _logits(caller).values())) for caller in callers
    }
    assert len(answers) > 0.9 * len(callers)


def _logits(caller: Caller) -> Mapping[str, float]:
    return distribution(caller.model, caller.text, "none")
