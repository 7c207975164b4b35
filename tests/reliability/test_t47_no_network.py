"""T47: nothing that serves asks the network for anything: no telemetry, no look at the hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.stack.conftest import ROOT

UNSHARE = ("unshare", "--map-root-user", "--net")
QUIET = ("HF_", "TRANSFORMERS_", "DO_NOT_TRACK", "OTEL_", "CHORUS_")
"""What could keep a library from the network; none of it is set."""


def can_be_cut_off() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not can_be_cut_off():
        pytest.skip("NOT TESTED: no network use at run needs Linux, unshare and user namespaces")
    folder: Path = tmp_path_factory.mktemp("cut-off")
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.reliability.cut_off", str(folder)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(QUIET)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_t47_without_a_network_everything_answers(outcome: dict[str, Any]) -> None:
    assert len(outcome["answers"]) == 6
    assert set(outcome["answers"].values()) == {200}, outcome["answers"]
    assert outcome["exit"] == 0


def test_t47_nobody_tries_to_leave(outcome: dict[str, Any]) -> None:
    assert outcome["seen"] > 0, "an attempt would not have been counted"
    assert outcome["attempts"] == 0
