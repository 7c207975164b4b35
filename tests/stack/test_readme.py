"""What the README shows is what happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from .conftest import ROOT, Stack

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def on(stack: Stack, block: str) -> str:
    """The block with this stack's ports in place of the usual ones."""
    for usual, port in zip((8000, 8080, 8081, 8082), stack.ports, strict=True):
        block = block.replace(f"localhost:{usual}", f"127.0.0.1:{port}")
    return block


def run(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


CURLS = [block for block in blocks("sh") if block.startswith("curl")]


@pytest.mark.parametrize("block", CURLS, ids=lambda block: block.split()[2])
def test_each_curl_is_answered(stack: Stack, block: str) -> None:
    answer: dict[str, Any] = json.loads(run(["bash", "-c", on(stack, block)]))
    assert answer
    assert "error" not in answer


def test_the_answer_shown_is_the_answer(stack: Stack) -> None:
    (shown,) = map(json.loads, blocks("json"))
    answer = json.loads(run(["bash", "-c", on(stack, CURLS[0])]))
    assert {key: value["label"] for key, value in answer.items()} == {
        key: value["label"] for key, value in shown.items()
    }
    for key, value in shown.items():
        assert answer[key]["score"] == pytest.approx(value["score"], abs=0.01)


def test_the_grpc_example_runs(stack: Stack) -> None:
    (example,) = blocks("python")
    assert "positive" in run([sys.executable, "-c", on(stack, example)])


def test_the_layout_names_what_is_there() -> None:
    layout = README.partition("```\nruntimes/")[2].partition("```")[0]
    assert layout
    for name in re.findall(r"\b[\w./]+\.py\b", layout):
        assert any(list((ROOT / top).rglob(name)) for top in ("runtimes", "tests")), name


def test_every_model_is_named() -> None:
    for settings in ROOT.glob("models/*/model-settings.json"):
        assert settings.parent.name in README
