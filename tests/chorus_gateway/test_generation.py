from __future__ import annotations

import json
from typing import Any

import pytest

from chorus_gateway.errors import UpstreamFailed, UpstreamInvalid
from chorus_gateway.generation import Ending, Step, read_step

TOKEN = {"id": 5, "text": " the", "special": False}
DETAILS = {"finish_reason": "stop", "generated_tokens": 2, "prompt_tokens": 3}


def event(content: Any) -> dict[str, Any]:
    return {"outputs": [{"name": "output", "data": [json.dumps(content)]}]}


def test_a_token() -> None:
    content = {"token": TOKEN, "generated_text": None, "details": None}
    assert read_step(event(content)) == Step(5, " the", False, None)


def test_the_last_token() -> None:
    content = {"token": TOKEN, "generated_text": "in the", "details": DETAILS}
    assert read_step(event(content)).ending == Ending("in the", "stop", 2, 3)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"outputs": []},
        {"outputs": [{"data": []}]},
        {"outputs": [{"data": [7]}]},
        {"outputs": [{"data": ["no JSON"]}]},
        event([]),
        event({"token": None}),
        event({"token": {**TOKEN, "id": "5"}, "generated_text": None, "details": None}),
        event({"token": TOKEN}),
        event({"token": TOKEN, "generated_text": "x", "details": {}}),
        event({"token": TOKEN, "generated_text": "x", "details": {**DETAILS, "finish_reason": 1}}),
    ],
)
def test_whatever_else_is_invalid(answer: dict[str, Any]) -> None:
    with pytest.raises(UpstreamInvalid):
        read_step(answer)


def test_an_error_within_the_stream() -> None:
    with pytest.raises(UpstreamFailed):
        read_step({"error": "oops"})
