from __future__ import annotations

from typing import Any

import pytest

from chorus_gateway.openai.request import read_chat, read_completion
from chorus_gateway.routes import examples
from chorus_gateway.tasks.request import parse
from chorus_gateway.tasks.table import TASKS, find

TEXT = TASKS["text-generation"]


def values(shown: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in shown.values()]


@pytest.mark.parametrize("body", values(examples.PREDICT), ids=lambda body: body["hf_pipeline"])
def test_every_example_of_predict_can_be_sent(body: dict[str, Any]) -> None:
    assert parse(find(body["hf_pipeline"]), body, {}).inputs


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("text", "text-classification"),
        ("texts", "text-classification"),
        ("bare", "text-classification"),
        ("labels", "zero-shot-classification"),
        ("image", "object-detection"),
        ("stream", "text-generation"),
    ],
)
def test_every_example_of_models_can_be_sent(name: str, task: str) -> None:
    assert len(examples.MODELS) == 6
    assert parse(find(task), examples.MODELS[name]["value"], {}).inputs


@pytest.mark.parametrize("body", values(examples.COMPLETIONS))
def test_every_example_of_completions_can_be_sent(body: dict[str, Any]) -> None:
    assert read_completion(TEXT, body).choices


@pytest.mark.parametrize("body", values(examples.CHATS))
def test_every_example_of_chats_can_be_sent(body: dict[str, Any]) -> None:
    assert read_chat(TEXT, body).choices
