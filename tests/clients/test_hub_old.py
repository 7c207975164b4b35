"""huggingface_hub 0.36.2, in an environment of its own, against the same gateway."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.clients import hub_calls
from tests.clients.environment import python_with
from tests.clients.expectations import Told, value
from tests.clients.hub_expectations import CHECKS
from tests.clients.test_hub import ask
from tests.stack.conftest import Stack

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.fixture(scope="module")
def python() -> Path:
    return python_with(Path(__file__).with_name("hub0-requirements.txt"))


@pytest.fixture(scope="module")
def told(python: Path, tasks: Stack, media: Path) -> Told:
    return ask(python, tasks, media)


def test_it_is_the_old_one(python: Path) -> None:
    script = "import huggingface_hub; print(huggingface_hub.__version__)"
    run = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "0.36.2\n"


@pytest.mark.parametrize("call", hub_calls.CALLS)
def test_client_reads_the_answer(told: Told, call: str) -> None:
    CHECKS[call](value(told, call))
