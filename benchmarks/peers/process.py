"""Starts a peer as a process group of its own and always ends it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.peers.base import Peer

HOST = "127.0.0.1"
# Five models of real size, loaded twice by a peer with two processes, on two cores.
READY_SECONDS = 300.0
STOP_SECONDS = 15.0
# For what was killed to be gone; a defunct process that nobody reaps never is.
GONE_SECONDS = 2.0
LOG_TAIL = 30

# No look at a model hub while the clock runs.
COMMON = {"HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
# No peer finds a GPU that the others do not use.
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}


class NotReady(RuntimeError):
    """A peer ended or did not become ready; the text holds the end of its log."""


class Server:
    """A running peer."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def cpu_seconds(self) -> float:
        """CPU used so far by its process and all that it started."""
        used = 0.0
        for process in _family(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system
        return used


@contextmanager
def running(peer: Peer, cores: set[int]) -> Iterator[Server]:
    """Start `peer` on `cores`, yield it when ready, stop it whatever happens.

    Raises NotReady.
    """
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as scratch:
        folder = Path(scratch) / "server"
        folder.mkdir()
        with ExitStack() as reserved:
            launch = peer.launch(folder, lambda: _reserve(reserved))
        log = Path(scratch) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env={**os.environ, **_common(peer.device), **launch.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches us first, and one signal ends all of it.
                start_new_session=True,
            )
        try:
            _pin(process.pid, cores)
            _await_ready(peer, process, launch.port, log)
            yield Server(process, launch.port)
        finally:
            _stop(process)


def _reserve(reserved: ExitStack) -> int:
    """A free port, kept from being handed out twice until `reserved` closes."""
    holder = reserved.enter_context(socket.socket())
    holder.bind((HOST, 0))
    port: int = holder.getsockname()[1]
    return port


def _pin(pid: int, cores: set[int]) -> None:
    # Threads and processes that the server starts later inherit it. Linux only.
    if hasattr(os, "sched_setaffinity"):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cores)


def _await_ready(peer: Peer, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not all(_answers_200(port, path) for path in peer.ready_paths()):
        if process.poll() is not None:
            raise NotReady(f"{peer.name} ended with {process.returncode}\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise NotReady(f"{peer.name} not ready in {READY_SECONDS:g} s\n{_tail(log)}")
        time.sleep(0.2)


def _answers_200(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])


def _common(device: str) -> dict[str, str]:
    return COMMON if device == "cuda" else {**COMMON, **NO_GPU}


def _family(pid: int) -> list[psutil.Process]:
    """The process and all that descend from it, in whatever group or session they are."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the server, then SIGKILL to whatever is left of its group and its family."""
    # Asked for now: whoever loses its parent can no longer be found.
    family = _family(process.pid)
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Also when a second Ctrl-C cuts the wait short.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()
        # The next peer must not share the cores with what is still ending.
        psutil.wait_procs(family, timeout=GONE_SECONDS)
