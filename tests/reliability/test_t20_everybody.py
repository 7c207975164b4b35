"""Thousands of texts of all lengths at once, every way in: each is answered as if it were alone."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from tests.conftest import MODELS, Launch, Runtime, served_models
from tests.live.callers import Clients, clients_of
from tests.live.oracle import CLASSIFIERS, ODD_TEXTS, TEXTS, assert_right
from tests.live.protocol import (
    Answer,
    Json,
    grpc_answer,
    message,
    request,
    rest_answer,
    rest_path,
    tensor,
)
from tests.reliability.gateways import gateway_before
from tests.reliability.seeds import VARIABLE, fresh_seed, quick_seed

ENSEMBLE = "process"
_MEMBERS = json.loads((MODELS / ENSEMBLE / "model-settings.json").read_text())["parameters"][
    "extra"
]
# The ensemble's word for a label → the member's own.
OWN_LABELS: dict[str, dict[str, str]] = {
    name: {shown: own for own, shown in member.get("labels", {}).items()}
    for name, member in _MEMBERS["members"].items()
}
# What takes everybody at once: by default, the bounds of the waiting lines would refuse most.
BOUNDLESS = {
    "CHORUS_MAX_WAITING_TEXTS": "100000",
    "CHORUS_MAX_WAITING_TOKENS": "100000000",
    "CHORUS_MAX_WAITING_SECONDS": "600",
    "CHORUS_UPSTREAM_TIMEOUT": "300",
}

PATIENT = aiohttp.ClientTimeout(total=500)

Rows = dict[str, list[dict[str, Any]]]
"""By model, the best label of each text."""


@dataclass(frozen=True)
class Question:
    """Some texts for a classifier or the ensemble, and the way they go."""

    way: str
    model: str
    texts: Sequence[str]

    @property
    def asked(self) -> Json:
        return request(tensor(list(self.texts)))


async def _rest(v2: Clients, question: Question) -> Rows:
    path, asked = rest_path(question.model), question.asked
    async with v2.session.post(path, json=asked, timeout=PATIENT) as response:
        return _rows(rest_answer(response.status, await response.json()), question)


async def _grpc(v2: Clients, question: Question) -> Rows:
    return _rows(
        grpc_answer(await v2.stub.ModelInfer(message(question.asked, question.model))), question
    )


def _rows(answer: Answer, question: Question) -> Rows:
    assert answer.status == 200, answer.error
    if question.model == ENSEMBLE:
        return {name: _members_rows(answer, name) for name in CLASSIFIERS}
    return {question.model: answer.results}


def _members_rows(answer: Answer, name: str) -> list[dict[str, Any]]:
    pairs = zip(
        answer.outputs[f"{name}.label"].data, answer.outputs[f"{name}.score"].data, strict=True
    )
    return [_in_own_words(name, {"label": label, "score": score}) for label, score in pairs]


def _in_own_words(name: str, row: dict[str, Any]) -> dict[str, Any]:
    return row | {"label": OWN_LABELS[name].get(row["label"], row["label"])}


async def _process(gateway: Clients, question: Question) -> Rows:
    (text,) = question.texts
    async with gateway.session.post("/process", json=text, timeout=PATIENT) as response:
        assert response.status == 200, await response.text()
        answer = await response.json()
    return {name: [_in_own_words(name, answer[name])] for name in CLASSIFIERS}


def questions(random: Random, texts: Sequence[str], count: int) -> Iterator[Question]:
    """So many texts; a third goes through the gateway, one at a time."""
    while count > 0:
        way = random.choice(["REST", "gRPC", "gateway"])
        several = 1 if way == "gateway" else min(random.choice([1, 1, 2, 5, 16, 40]), count)
        model = ENSEMBLE if way == "gateway" else random.choice([*CLASSIFIERS, ENSEMBLE])
        yield Question(way, model, random.choices(texts, k=several))
        count -= several


def texts_of(random: Random, count: int) -> list[str]:
    """From nothing to more than the 512 tokens that a model reads; most of them short."""
    made = [*TEXTS, *ODD_TEXTS.values()]
    while len(made) < count:
        words = random.choice([1, 3, 5, 10, 20, 40, 120, 700]) if len(made) % 8 else 400
        made.append(" ".join(random.choices(_WORDS, k=words)))
    return made[:count]


_WORDS = sorted({word for text in TEXTS for word in text.split()})


async def ask_all(
    server: Runtime, gateway: Runtime, seed: int, texts: int, count: int, at_once: int
) -> None:
    random = Random(seed)
    asked = list(questions(random, texts_of(random, texts), count))
    turn = asyncio.Semaphore(at_once)
    async with clients_of(server) as v2, clients_of(gateway) as http:

        async def ask(question: Question) -> Rows:
            async with turn:
                if question.way == "gateway":
                    return await _process(http, question)
                return await (_rest if question.way == "REST" else _grpc)(v2, question)

        answers = await asyncio.gather(*map(ask, asked))
    wrong = [problem for pair in zip(asked, answers, strict=True) for problem in _wrong(*pair)]
    assert not wrong, f"{VARIABLE}={seed}: {len(wrong)} wrong, the first: {wrong[0]}"


def _wrong(question: Question, rows: Rows) -> Iterator[str]:
    for (name, given), (index, text) in itertools.product(rows.items(), enumerate(question.texts)):
        try:
            assert len(given) == len(question.texts)
            assert_right([given[index]], name, text)
        except AssertionError as error:
            yield f"{question.way}, {question.model}: {error}"


async def test_t20_1000_texts(runtime: Runtime, launch: Launch) -> None:
    gateway = gateway_before(launch, runtime, *served_models())
    await ask_all(runtime, gateway, quick_seed(), texts=60, count=1000, at_once=24)


def patient_models(folder: Path) -> Path:
    """The same models, in which a text may wait for longer."""
    for name in served_models():
        own = MODELS / name
        (folder / name).mkdir()
        settings = json.loads((own / "model-settings.json").read_text())
        patient = settings | {"max_batch_time": 500}
        (folder / name / "model-settings.json").write_text(json.dumps(patient))
        if (own / "standin").exists():
            (folder / name / "standin").symlink_to(own / "standin")
    (folder / "settings.json").symlink_to(MODELS / "settings.json")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_t20_10000_texts_at_once(launch: Launch, tmp_path: Path) -> None:
    models = served_models()
    runtime = launch(patient_models(tmp_path), environment=BOUNDLESS).wait_until_ready(*models)
    gateway = gateway_before(launch, runtime, *models, **BOUNDLESS)
    await ask_all(runtime, gateway, fresh_seed(), texts=400, count=10_000, at_once=10_000)
