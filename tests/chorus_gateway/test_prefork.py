"""The parent alone, in a process of its own: a fork of a test's process would take its threads."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import logging, os, signal, socket, sys, time
from chorus_gateway.prefork import STOP, Prefork

logging.basicConfig()
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
first = os.getpid()

def serve(listener, lifeline):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
    if listener is listeners[0]:
        {work}
    time.sleep(60)

def on_end(pid):
    print("ended", pid, flush=True)

sys.exit(Prefork(listeners, serve, on_end).run())
"""


def run(work: str) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.replace("{work}", work)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize(
    ("work", "said"),
    [("raise RuntimeError('broken')", "RuntimeError: broken"), ("sys.exit(3)", "exited with code")],
)
def test_a_worker_that_gives_up_ends_them_all(work: str, said: str) -> None:
    done = run(work)
    assert done.returncode == 1
    assert said in done.stderr
    assert "exited with code 1; stopping" in done.stderr
    assert done.stdout.count("ended") == 2
