"""Servers whose models fail on demand: see faulty/chorus_faulty.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Launch, Runtime

FAULTY = Path(__file__).parent / "faulty"
sys.path.insert(0, str(FAULTY))  # what the models answer, for whoever checks it


@pytest.fixture(scope="session")
def faulty(launch: Launch) -> Iterator[Runtime]:
    """`left`, `right` and their ensemble `process`, as fast as they can; shared by the session."""
    server = launch(FAULTY).wait_until_ready("left", "right", "process")
    yield server
    assert server.terminate() == 0, server.log
