"""What docs/train.md shows is what happens: trained, served, asked."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from .conftest import ROOT, Stack

GUIDE = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
IDEAS = ROOT / "docs" / "examples" / "ideas.csv"
TUNED = 0.3
"""What a stand-in, made for another task, learns at least of four labels: more than chance."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def run(block: str, models: Path) -> str:
    """A block with a command of chorus, done; its models go to a folder of the test's."""
    words = shlex.split(block.replace("\\\n", " "))
    assert words[0] == "chorus"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    done = subprocess.run(
        [sys.executable, "-m", *words, "--device", "cpu"],
        cwd=ROOT,
        env=clean | {"CHORUS_MODELS_DIR": str(models)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def accuracy(stack: Stack, model: str) -> float:
    """Of the answers of /classify to every row of the example."""
    rows = list(csv.DictReader(IDEAS.open(encoding="utf-8")))
    right = 0
    for row in rows:
        sentence = " | ".join(filter(None, (row["title"], row["map"])))
        asked = {"model": model, "sentence": sentence}
        answer = httpx.get(f"{stack.url}/classify", params=asked, timeout=60).json()
        right += answer[0]["label"] == row["topic"]
    return right / len(rows)


@pytest.mark.slow
def test_every_block_does_what_it_says(tmp_path: Path) -> None:
    models = tmp_path / "models"
    look, train, serve, ask, tune = blocks("sh")

    assert "72 rows to train on, 8 held out" in run(look, models)
    assert not models.exists()
    assert "chorus serve --models ideas" in run(train, models)
    tuned = json.loads(run(tune, models))
    assert tuned["base"] == "standin"
    words = shlex.split(serve)
    assert words == ["chorus", "serve", "--models", "ideas"]
    stack = Stack.start(
        tmp_path / "serve.log",
        *("--models", "ideas,ideas-tuned", "--device", "cpu"),
        CHORUS_MODELS_DIR=str(models),
    )
    try:
        stack.wait_until_ready()
        command = ask.replace("localhost:8000", stack.url.removeprefix("http://"))
        answer = json.loads(subprocess.check_output(["bash", "-c", command], timeout=60))
        (shown,) = map(json.loads, blocks("json"))
        assert answer[0]["label"] == shown[0]["label"]
        assert answer[0]["score"] > 0.5
        assert accuracy(stack, "ideas") >= 0.8
        assert accuracy(stack, "ideas-tuned") > TUNED
    finally:
        assert stack.stop() == 0, stack.log.read_text()
    assert "differs from the stock one" not in stack.log.read_text()
