"""`GET /models` of a gateway with a model for every task."""

from __future__ import annotations

import httpx
from tests.stack.conftest import Stack

from chorus.standins.tasks.recipes import RECIPES


def test_every_task_is_listed_as_what_it_is(tasks: Stack) -> None:
    answer = httpx.get(f"{tasks.url}/models", timeout=60)
    assert answer.status_code == 200
    models = {model["name"]: model for model in answer.json()["models"]}
    assert list(models) == sorted(models)
    assert {name: model["task"] for name, model in models.items()} == {
        **{task: task for task in RECIPES},
        "svalabs": "text-classification",
    }
    trained = models.pop("svalabs")
    assert (trained["weights"], trained["standin"]) == ("standin", "trained")
    assert trained["labels"] == "HAM,SPAM"
    assert {model["standin"] for model in models.values()} == {"random"}
