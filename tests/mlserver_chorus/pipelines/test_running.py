"""A model runs for somebody or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.mlserver_chorus.pipelines import checkpoints

from mlserver_chorus.pipelines.loading import load
from mlserver_chorus.pipelines.running import Stopped, stoppable
from mlserver_chorus.pipelines.tasks import TASKS

CHAT = [{"role": "user", "content": "hi"}]
LONG = {"max_new_tokens": 60, "min_new_tokens": 60, "do_sample": False}


@pytest.mark.parametrize(
    ("task", "given"), [("text-generation", "hello"), ("conversational", CHAT)]
)
def test_a_generation_ends_at_the_token_after_its_caller_left(
    task: str, given: Any, tmp_path: Path
) -> None:
    loaded = load(
        "m",
        TASKS[task],
        checkpoints.generator(tmp_path / "it"),
        device="cpu",
        max_rows=1,
        model_kwargs={},
        max_new_tokens=64,
    )
    looks = 0

    def left() -> bool:
        nonlocal looks
        looks += 1
        return looks > 5

    with pytest.raises(Stopped):
        loaded.run(LONG, [given], left)
    assert looks == 6
    (whole,) = loaded.run(LONG, [given])
    assert json.loads(whole)


def test_what_is_no_module_runs_as_it_is() -> None:
    with stoppable(object(), lambda: True):
        pass
