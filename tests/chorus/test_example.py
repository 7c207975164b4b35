"""The request that the summary offers to paste."""

import base64
import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chorus import catalog, example
from chorus.catalog import Model
from chorus.example import BODIES, LISTENING
from chorus.standins.tasks.recipes import RECIPES

TASKS = Path(__file__).parents[2] / "models" / "tasks"


def offered(*models: Model) -> list[str]:
    """The words of the command."""
    return shlex.split(example.request(models, "127.0.0.1:8000"))


def body(words: list[str]) -> Any:
    return json.loads(words[words.index("--data") + 1])


def test_every_text_goes_to_the_ensemble_where_there_is_one() -> None:
    words = offered(Model("fill-mask", task="fill-mask"), Model("process", members=("a",)))
    assert words[2] == "localhost:8000/process"
    assert body(words) == example.TEXT


def test_a_model_without_a_task_classifies_a_text() -> None:
    words = offered(Model("ivanlau"), Model("svalabs"))
    assert words[2] == "localhost:8000/models/ivanlau"
    assert body(words) == {"inputs": example.TEXT}


def test_of_all_tasks_a_plain_text_is_the_example() -> None:
    assert offered(*catalog.read(TASKS))[2].endswith("/models/text-classification")


def test_sound_comes_from_a_file() -> None:
    words = offered(Model("ears", task="audio-classification"))
    assert "Content-Type: audio/wav" in words
    assert words[-2:] == ["--data-binary", "@speech.wav"]


def test_an_unknown_task_gets_a_text() -> None:
    assert body(offered(Model("new", task="new"))) == {"inputs": example.TEXT}


def test_every_task_has_a_request_of_its_own() -> None:
    assert BODIES.keys() | LISTENING == RECIPES.keys()
    assert not BODIES.keys() & LISTENING


@pytest.mark.parametrize("task", sorted(BODIES))
def test_the_body_is_the_tasks(task: str) -> None:
    assert body(offered(Model("m", task=task))) == BODIES[task]


def test_the_image_is_one() -> None:
    assert Image.open(io.BytesIO(base64.b64decode(example.IMAGE))).size == (16, 16)
