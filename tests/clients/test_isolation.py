"""Callers with options of their own, all at once: nobody gets another's answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from tests.stack.conftest import Stack

ROUNDS = 500
MODEL = "zero-shot-classification"
LABELS = {"animals": ["cat", "dog", "horse"], "weather": ["rain", "sun"]}
TEXTS = {"animals": "It has four legs", "weather": "Take an umbrella"}


async def predict(client: httpx.AsyncClient, who: str) -> Any:
    body = {
        "hf_pipeline": MODEL,
        "model_deployed_url": MODEL,
        "inputs": TEXTS[who],
        "parameters": {"candidate_labels": LABELS[who]},
    }
    (answer,) = (await client.post("/predict", json=body)).raise_for_status().json()
    return answer


async def infer(client: httpx.AsyncClient, who: str) -> Any:
    inputs = [tensor("array_inputs", [TEXTS[who]]), tensor("candidate_labels", LABELS[who])]
    reply = await client.post(f"/v2/models/{MODEL}/infer", json={"inputs": inputs})
    (element,) = reply.raise_for_status().json()["outputs"][0]["data"]
    return json.loads(element)


def tensor(name: str, texts: list[str]) -> dict[str, Any]:
    return {"name": name, "shape": [len(texts)], "datatype": "BYTES", "data": texts}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "ask", [predict, pytest.param(infer, marks=pytest.mark.slow)], ids=["predict", "v2"]
)
async def test_two_callers_with_labels_of_their_own(tasks: Stack, ask: Any) -> None:
    url = tasks.url if ask is predict else tasks.v2.removesuffix("/v2")
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        alone = {who: await ask(client, who) for who in LABELS}

        async def caller(who: str) -> None:
            for _ in range(ROUNDS):
                answer = await ask(client, who)
                assert answer["sequence"] == TEXTS[who]
                assert answer["labels"] == alone[who]["labels"]
                assert answer["scores"] == pytest.approx(alone[who]["scores"], abs=1e-5)

        await asyncio.gather(*map(caller, LABELS))
