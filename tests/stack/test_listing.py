"""`GET /models` of a whole `chorus serve`."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from .conftest import WEIGHTLESS, Stack


def listed(stack: Stack) -> dict[str, str | None]:
    """The names, and what their stand-ins are."""
    models = httpx.get(f"{stack.url}/models", timeout=30).json()["models"]
    return {model["name"]: model["standin"] for model in models}


def test_the_five_and_their_ensemble_run_on_trained_stand_ins(stack: Stack) -> None:
    names = ["EIStakovskii", "cardiffnlp", "ivanlau", "jy46604790", "process", "svalabs"]
    assert listed(stack) == dict.fromkeys(names, "trained")


@pytest.mark.slow
def test_a_model_that_is_unloaded_leaves_the_list_and_comes_back(tmp_path: Path) -> None:
    stack = Stack.start(tmp_path / "log", *WEIGHTLESS)
    stack.wait_until_ready()
    assert list(listed(stack)) == ["left", "process", "right"]
    for verb, wanted in (("unload", ["left", "process"]), ("load", ["left", "process", "right"])):
        url = f"{stack.v2}/repository/models/right/{verb}"
        assert httpx.post(url, timeout=30).status_code == 200
        deadline = time.monotonic() + 30
        while (found := list(listed(stack))) != wanted:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
    assert stack.stop() == 0
