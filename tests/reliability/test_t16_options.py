"""T16: callers whose texts share a pass have their own options each."""

from __future__ import annotations

import math

import pytest
from tests.conftest import Runtime
from tests.live.callers import clients_of
from tests.live.protocol import Answer, Json, request, tensor
from tests.reliability.devices import as_one_batch

OPTIONS: list[Json] = [
    {},
    {"top_k": 1},
    {"top_k": 2},
    {"function_to_apply": "none"},
    {"function_to_apply": "sigmoid", "top_k": 2},
    {"function_to_apply": "softmax"},
]


def expected(text: str, options: Json) -> list[tuple[str, float]]:
    """Labels and scores, best first, computed here."""
    from chorus_faulty import LABELS, logits_of

    logits = [float(value) for value in logits_of(text)]
    total = sum(map(math.exp, logits))
    apply = {
        "none": lambda x: x,
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "softmax": lambda x: math.exp(x) / total,
    }[options.get("function_to_apply", "softmax")]
    ranked = sorted(zip(LABELS, map(apply, logits), strict=True), key=lambda pair: -pair[1])
    return ranked[: options.get("top_k", 1)]


def given(answer: Answer, options: Json) -> list[tuple[str, float]]:
    (result,) = answer.results
    rows = result if "top_k" in options else [result]
    return [(row["label"], row["score"]) for row in rows]


async def test_t16_everybody_has_their_own_options(faulty: Runtime) -> None:
    # By both transports, for who asks by which alternates.
    asked = [options for options in OPTIONS for _ in range(2)]
    texts = [f"caller {n}" for n in range(len(asked))]
    async with clients_of(faulty) as clients:
        requests = [
            request(tensor([text]), **options) for text, options in zip(texts, asked, strict=True)
        ]
        answers, passes = await as_one_batch(faulty, clients, requests)
    assert passes == 1
    for text, options, answer in zip(texts, asked, answers, strict=True):
        right, got = expected(text, options), given(answer, options)
        assert [label for label, _ in got] == [label for label, _ in right]
        assert [score for _, score in got] == pytest.approx([score for _, score in right], abs=1e-6)
