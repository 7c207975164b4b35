"""`chorus models` beside a `chorus serve` that runs."""

from __future__ import annotations

import json
import subprocess
import sys

from .conftest import Stack


def test_all_that_is_served_is_ready_on_stand_ins(stack: Stack) -> None:
    command = [sys.executable, "-m", "chorus", "models", "--v2-port", str(stack.ports[1])]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = {row["name"]: (row["state"], row["weights"]) for row in json.loads(done.stdout)}
    assert len(found) == 6
    assert set(found.values()) == {("ready", "standin")}
