"""`chorus bench` loads a `chorus serve` that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from .conftest import Stack


def bench(*args: str) -> dict[str, Any]:
    """The only result, in which nothing has failed and stand-ins have answered."""
    command = [sys.executable, "-m", "chorus", "bench", "--warmup", "0", "--seconds", "0.5"]
    done = subprocess.run([*command, *args, "--json"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(done.stdout)["results"]
    assert found["failures"] == []
    assert found["weights"] == "standin"
    return dict(found)


def test_process_by_callers_that_wait(stack: Stack) -> None:
    found = bench(stack.url, "--clients", "4")
    assert found["good"] > 0
    assert found["p50_ms"]["median"] <= found["p99_ms"]["median"]


def test_a_model_at_a_rate(stack: Stack) -> None:
    assert bench(stack.url, "--model", "cardiffnlp", "--rate", "20")["good"] == 10


def test_the_model_server_itself(stack: Stack) -> None:
    found = bench(stack.v2.removesuffix("/v2"), "--v2", "--rate", "20")
    assert found["url"] == f"{stack.v2}/models/process/infer"
    assert found["good"] == 10
