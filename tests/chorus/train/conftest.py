"""Small tables, and `chorus train` in this process, which spares the import of torch."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.utils import logging as transformers_logging
from typer.testing import CliRunner

from chorus.cli import app

STANDIN = Path(__file__).parents[3] / "models" / "svalabs" / "standin"
COLUMNS = ("title", "map", "topic")
WORDS = {
    "cold": ("ice", "snow", "frost", "hail"),
    "warm": ("fire", "sun", "stove", "ember"),
    "größe 📏": ("metre", "inch", "mile", "yard"),
}
"""Each label and what its texts are about; one label is not of ASCII."""
FAST = ("--epochs", "12", "--max-length", "32", "--validation", "0.25")


def rows(labels: Sequence[str] = tuple(WORDS)) -> list[dict[str, str]]:
    """Sixteen rows of each label, in two columns."""
    return [
        {"title": f"a {thing} of {word}", "map": f"{word} and {thing}", "topic": label}
        for label in labels
        for word in WORDS[label]
        for thing in ("lamp", "house", "wall", "road")
    ]


def write_csv(path: Path, table: Sequence[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(table)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass(frozen=True)
class Place:
    """A folder with a table in it and the models that are trained on it."""

    root: Path

    @property
    def models(self) -> Path:
        return self.root / "models"

    def train(self, file: Path, *options: str) -> Done:
        argv = ["train", str(file), "--text", "title", "--label", "topic", "--device", "cpu"]
        environment = dict.fromkeys(name for name in os.environ if name.startswith("CHORUS_"))
        argv += ["--into", str(self.models), *options]
        result = CliRunner().invoke(app, argv, env=environment)
        return Done(result.exit_code, result.stdout, result.stderr)

    def refusal(self, file: Path, *options: str, code: int = 2) -> str:
        """The one line with which it refuses."""
        done = self.train(file, *options)
        assert (done.code, done.out) == (code, ""), done
        (line,) = done.err.splitlines()
        assert line.startswith("chorus: ")
        return line.removeprefix("chorus: ")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Torch and transformers are left as they were."""
    threads, verbosity = torch.get_num_threads(), transformers_logging.get_verbosity()
    yield Place(tmp_path)
    torch.set_num_threads(threads)
    transformers_logging.set_verbosity(verbosity)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "things.csv", rows())
