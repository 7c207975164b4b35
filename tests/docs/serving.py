"""The server that a reader has started in another terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from tests.docs.reader import Reader

START_SECONDS = 400.0
"""Every task's model, and on first use their stand-ins, on a busy machine."""


class Serving:
    """One server at a time; the next one takes the place of the one before."""

    def __init__(self, reader: Reader, log: Path) -> None:
        self._reader = reader
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.command = ""
        """The line that started what is running; empty where nothing is."""

    def start(self, line: str) -> None:
        """Start what a line says, and wait until every model can answer."""
        if self.command == line:
            return
        self.stop()
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                ["bash", "-c", self._reader.here(line)],
                cwd=self._reader.folder,
                env=self._reader.serving,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.command = line
        self._wait()

    def stop(self) -> None:
        """Ctrl-C."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT)
            self._process.wait(60)
        self._process, self.command = None, ""

    def _wait(self) -> None:
        assert self._process
        url = f"http://127.0.0.1:{self._reader.ports[0]}/readyz"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url, timeout=5).status_code == 200:
                    return
            time.sleep(0.2)
        pytest.fail(f"{self.command}: not ready\n{self._log.read_text()[-3000:]}", pytrace=False)
