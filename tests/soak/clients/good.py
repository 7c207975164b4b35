"""Clients that do everything right: each knows its answer, and checks label and score."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import grpc
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
from tests.soak.subjects import Row, Truth
from tests.soak.target import PATIENCE_S, Outcome, Target

JSON = {"content-type": "application/json"}
TOLERANCE = 1e-5
MOST_TEXTS = 4


async def process(target: Target, random: Random) -> Outcome:
    """One text to every model, through the gateway."""
    truth = random.choice(target.truths)
    url, body = f"{target.gateway}/process", json.dumps(truth.text)
    async with target.session.post(url, data=body, headers=_headers(random)) as reply:
        if reply.status != 200:
            return Outcome(str(reply.status), False, error=await reply.text())
        return Outcome("200", True, _difference(await reply.json(), truth.shown))


async def rest(target: Target, random: Random) -> Outcome:
    """A few texts to one model, over V2 REST."""
    model, truths = _question(target, random)
    url, asked = f"{target.v2}{rest_path(model)}", _request(truths)
    async with target.session.post(url, json=asked, headers=_headers(random)) as reply:
        return _checked(rest_answer(reply.status, await reply.json()), model, truths)


async def grpc_(target: Target, random: Random) -> Outcome:
    """A few texts to one model, over V2 gRPC, with typed or with raw contents."""
    model, truths = _question(target, random)
    asked = message(_request(truths), model, raw=random.random() < 0.5)
    try:
        reply = await target.stub.ModelInfer(asked, timeout=PATIENCE_S)
    except grpc.RpcError as error:
        return _checked(grpc_refusal(error), model, truths)
    return _checked(grpc_answer(reply), model, truths)


def _headers(random: Random) -> Mapping[str, str]:
    """Half of the callers are strangers to the server, and a third say how long they wait."""
    headers = dict(JSON)
    if random.random() < 1 / 2:
        headers["authorization"] = f"Bearer {random.getrandbits(64):x}"
    if random.random() < 1 / 3:
        headers["x-request-timeout"] = f"{PATIENCE_S:g}"
    return headers


def _question(target: Target, random: Random) -> tuple[str, Sequence[Truth]]:
    truths = random.choices(target.truths, k=random.randint(1, MOST_TEXTS))
    return random.choice(list(truths[0].rows)), truths


def _request(truths: Sequence[Truth]) -> Json:
    return request(tensor([truth.text for truth in truths]))


def _checked(answer: Answer, model: str, truths: Sequence[Truth]) -> Outcome:
    if answer.status != 200:
        return Outcome(str(answer.status), False, error=answer.error)
    if len(answer.results) != len(truths):
        return Outcome("200", True, f"{len(answer.results)} answers to {len(truths)} texts")
    differences = (
        _difference({model: given}, {model: truth.rows[model]})
        for given, truth in zip(answer.results, truths, strict=True)
    )
    return Outcome("200", True, next(filter(None, differences), ""))


def _difference(given: Mapping[str, Any], truth: Mapping[str, Row]) -> str:
    if given.keys() != truth.keys():
        return f"answers of {', '.join(given)} where {', '.join(truth)} were asked"
    for name, row in truth.items():
        one = given[name]
        if one["label"] != row.label or abs(one["score"] - row.score) > TOLERANCE:
            return f"{name} said {one['label']} {one['score']}, the truth is {row}"
    return ""
