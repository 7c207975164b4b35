"""huggingface_hub as it is now, unmodified, against a live gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.clients import hub_calls
from tests.clients.expectations import Told, value
from tests.clients.hub_expectations import CHECKS
from tests.stack.conftest import Stack


@pytest.fixture(scope="module")
def told(tasks: Stack, media: Path) -> Told:
    return ask(Path(sys.executable), tasks, media)


def ask(python: Path, stack: Stack, media: Path) -> Told:
    """Every call, by the library that this interpreter has."""
    command = [str(python), hub_calls.__file__, stack.url, str(media)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert run.returncode == 0, run.stderr
    answers: Told = json.loads(run.stdout)
    return answers


def test_every_call_is_checked() -> None:
    assert CHECKS.keys() == hub_calls.CALLS.keys()


@pytest.mark.parametrize("call", hub_calls.CALLS)
def test_client_reads_the_answer(told: Told, call: str) -> None:
    CHECKS[call](value(told, call))


def test_stream_and_answer_say_the_same(told: Told) -> None:
    # The stream has what is new alone, the answer the prompt before it, as pipelines do.
    whole = value(told, "text-generation").removeprefix("Hello")
    assert "".join(value(told, "text-generation, stream")) == whole
    parts = value(told, "text-generation, stream of details")
    assert "".join(part["token"]["text"] for part in parts) == whole
