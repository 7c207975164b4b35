"""The tabs of the web page as clients: what each sends is answered, and the answer can be shown."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from tests.chorus_ui.panels.opened import Opened
from tests.stack.conftest import Stack

from chorus_ui import snippets
from chorus_ui.gateway import Answer, Gateway, path_of
from chorus_ui.panels import PANELS
from chorus_ui.panels.examples.files import path
from chorus_ui.request import Request

TASKS: Final = [panel.task for panel in PANELS]

# One of each way of sending: JSON, JSON with a file within, the file itself with parameters in the
# query, a stream, OpenAI's, and an answer that is a file.
COPIED: Final = [
    ("zero-shot-classification", "curl"),
    ("document-question-answering", "curl"),
    ("document-question-answering", "python"),
    ("zero-shot-image-classification", "curl"),
    ("zero-shot-image-classification", "python"),
    ("audio-classification", "curl"),
    ("text-generation", "curl"),
    ("conversational", "curl"),
    ("conversational", "python"),
    ("text-to-audio", "curl"),
    ("text-to-audio", "python"),
]


def asked(task: str, example: int) -> tuple[Request, list[Any]]:
    """What the tab sends once an example is clicked, and the values of its inputs."""
    opened = Opened.of(task)
    values = opened.filled(example)
    request = opened.request(*values)
    assert request is not None
    return request, values


async def answered(url: str, task: str, request: Request) -> Answer:
    """What the page would be given; of a stream, all of it."""
    gateway = Gateway(url)
    try:
        if Opened.of(task).stop is None:
            return await gateway.send(request.below(path_of(task)))
        return [answer async for answer in gateway.stream(task, request)][-1]
    finally:
        await gateway.close()


@pytest.mark.parametrize("task", TASKS)
async def test_the_answer_to_an_example_is_shown(tasks: Stack, task: str) -> None:
    await show(tasks, task, 0)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
async def test_and_to_every_other_example(tasks: Stack, task: str) -> None:
    for example in range(1, Opened.of(task).examples()):
        await show(tasks, task, example)


async def show(tasks: Stack, task: str, example: int) -> None:
    request, values = asked(task, example)
    answer = await answered(tasks.url, task, request)
    assert answer.weights == "standin"
    opened = Opened.of(task)
    shown = opened.show(answer.value, *values)
    assert shown[0]
    opened.display(shown)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where someone has the files that the snippets name."""
    shutil.copy(path("invoice.png"), tmp_path / "photo.png")
    shutil.copy(path("bells.wav"), tmp_path / "recording.wav")
    return tmp_path


@pytest.mark.parametrize(("task", "language"), COPIED)
def test_what_is_there_to_copy_works(tasks: Stack, folder: Path, task: str, language: str) -> None:
    request = asked(task, 0)[0].below(path_of(task))
    if language == "curl":
        command = ["bash", "-c", snippets.curl(request, tasks.url)]
    else:
        command = [sys.executable, "-c", snippets.python(request, tasks.url)]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    if request.saves:
        assert (folder / request.saves).read_bytes().startswith(b"RIFF")
        return
    answer = _events(ran.stdout)[-1] if request.streams else ran.stdout
    assert "error" not in answer
    assert answer.strip()


def _events(output: str) -> list[str]:
    lines = [line.removeprefix("data:").strip() for line in output.splitlines() if line]
    events = [line for line in lines if line != "[DONE]"]
    assert len(events) > 1
    assert all(isinstance(json.loads(event), dict) for event in events)
    return events
