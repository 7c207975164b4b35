"""Requests that say one thing in `shape` and bring another: their neighbours notice nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import grpc
import pytest
from tests.conftest import Runtime
from tests.live.callers import Caller, Clients, clients_of
from tests.live.oracle import distribution
from tests.live.protocol import Answer, Json, grpc_answer, grpc_refusal, message, request, tensor
from tests.reliability.seeds import VARIABLE, fresh_seed, quick_seed

CALLERS = [Caller.number(n) for n in range(200)]
ROUNDS = 20
BATCHES = "chorus_engine_batch_rows_count"
ROWS = "chorus_engine_batch_rows_sum"
# One form each; in stock MLServer the first three reach into the neighbours' answers.
LIES: dict[str, Json] = {
    "more": request(tensor(["mine"], shape=[3])),
    "fewer": request(tensor(["mine", "yours", "theirs"], shape=[1])),
    "negative": request(tensor(["mine"], shape=[-1])),
    "no dimension": request(tensor(["mine"], shape=[])),
    "none": request(tensor(["mine"], shape=[0])),
    "another matrix": request(tensor(["mine", "yours"], shape=[3, 1])),
    "2^40": request(tensor(["mine"], shape=[2**40])),
    "a second dimension": request(tensor(["mine"], "args", shape=[1, 2])),
}


async def _raw(clients: Clients, asked: Json, model: str) -> Answer:
    try:
        return grpc_answer(await clients.stub.ModelInfer(message(asked, model, raw=True)))
    except grpc.RpcError as error:
        return grpc_refusal(error)


WAYS: dict[str, Callable[[Clients, Json, str], Awaitable[Answer]]] = {
    "REST": Clients.rest,
    "gRPC": Clients.grpc,
    "raw gRPC": _raw,
}


@dataclass(frozen=True)
class Question:
    """One caller of a batch: honest if `lie` is empty."""

    number: int
    way: str
    model: str
    texts: Sequence[str]
    lie: str = ""

    @property
    def asked(self) -> Json:
        return LIES[self.lie] if self.lie else request(tensor(list(self.texts)))

    def problem(self, answer: Answer) -> str:
        """What is wrong with an answer to it."""
        from chorus_faulty import score_of

        if self.lie:
            right = answer.status == 400 and not answer.outputs
            return "" if right else f"the lie {self.lie!r} was answered {answer}"
        if answer.status != 200:
            return f"an honest caller was answered {answer}"
        rows = [json.loads(element) for element in answer.outputs["output"].data]
        given = [(row["label"], pytest.approx(row["score"], abs=1e-6)) for row in rows]
        expected = [score_of(text) for text in self.texts]
        return "" if given == expected else f"{self.texts} got {rows}, not {expected}"


def batch_of(random: Random, number: int) -> list[Question]:
    """From 3 to 12 honest callers of 1 to 4 texts, and up to 4 liars anywhere among them."""
    callers = [""] * random.randint(3, 12) + random.choices(list(LIES), k=random.randint(0, 4))
    random.shuffle(callers)
    # The first text holds the device for a moment: the others meet in the batch after it.
    wait = f"sleep:0.004 plug {number}"
    return [
        Question(
            number,
            random.choice(list(WAYS)),
            random.choice(["left", "right"]),
            [wait] if place == 0 else _texts(random, number, place),
            lie if place else "",
        )
        for place, lie in enumerate(callers)
    ]


def _texts(random: Random, number: int, place: int) -> list[str]:
    """No two alike in the whole test."""
    count = random.randint(1, 4)
    return [f"canary {number}.{place}.{n} {random.random()}" for n in range(count)]


def test_t13_random_batches(faulty: Runtime) -> None:
    asyncio.run(ask_batches(faulty, quick_seed(), batches=100))


@pytest.mark.slow
def test_t13_2000_random_batches(faulty: Runtime) -> None:
    asyncio.run(ask_batches(faulty, fresh_seed(), batches=2000))


async def ask_batches(server: Runtime, seed: int, batches: int) -> None:
    random = Random(seed)
    questions = [batch_of(random, number) for number in range(batches)]
    ran, rows = server.metric(BATCHES), server.metric(ROWS)
    wrong: list[str] = []
    async with clients_of(server) as clients:
        for batch in questions:
            answers = await asyncio.gather(
                *(WAYS[one.way](clients, one.asked, one.model) for one in batch)
            )
            problems = (one.problem(answer) for one, answer in zip(batch, answers, strict=True))
            wrong += [problem for problem in problems if problem]
    assert not wrong, f"{VARIABLE}={seed}: {len(wrong)} wrong, the first: {wrong[0]}"
    ran, rows = server.metric(BATCHES) - ran, server.metric(ROWS) - rows
    honest = sum(len(one.texts) for batch in questions for one in batch if not one.lie)
    assert rows == honest, "a liar's text has been computed"
    assert ran < honest / 2, "too few shared a batch for this test to mean much"


# ------------------------------------------------------------------------- on real weights


@pytest.mark.slow
async def test_t13_200_callers_of_real_weights(runtime: Runtime) -> None:
    wrong: list[str] = []
    lies = list(LIES.values())

    async def honest(clients: Clients, number: int, turn: int) -> None:
        caller = CALLERS[number]
        answer = await clients.either(number + turn)(caller.asked, caller.model)
        try:
            caller.check(answer)
        except AssertionError as error:
            wrong.append(str(error))

    async def liar(clients: Clients, number: int, turn: int) -> None:
        lie = lies[number % len(lies)]
        answer = await clients.either(number + turn)(lie, CALLERS[number].model)
        if answer.status != 400 or answer.outputs:
            wrong.append(f"{lie} was answered {answer}")

    batches = runtime.metric(BATCHES)
    async with clients_of(runtime) as clients:
        for turn in range(ROUNDS):
            liars = (liar(clients, n, turn) for n in range(2 * len(lies)))
            await asyncio.gather(*(honest(clients, n, turn) for n in range(len(CALLERS))), *liars)
    batches = runtime.metric(BATCHES) - batches
    assert batches < ROUNDS * len(CALLERS) / 4, "too few shared a batch for this test to mean much"
    assert not wrong, f"{len(wrong)} wrong answers, the first: {wrong[0]}"


def test_t13_callers_differ_enough_to_see_a_mix_up() -> None:
    """Probabilities may all be near 1; those who ask for logits must be told apart."""
    callers = [caller for caller in CALLERS if caller.function == "none"]
    answers = {
        (caller.model, *(round(v, 3) for v in _logits(caller).values())) for caller in callers
    }
    assert len(answers) > 0.9 * len(callers)


def _logits(caller: Caller) -> Mapping[str, float]:
    return distribution(caller.model, caller.text, "none")
