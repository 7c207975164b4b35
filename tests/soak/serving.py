"""A whole `chorus serve` for a soak: started, waited for, stopped, and ended whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import aiohttp
from tests.soak.sampling import ServerGone
from tests.soak.subjects import ROOT
from tests.soak.target import HOST, Ports
from tests.stack.conftest import FLAGS, free_ports

START_S = 120.0
STOP_S = 60.0
LAST_WORDS = 2000


class NotServing(Exception):
    """The server did not start, or is gone; the text is the end of what it said."""


@dataclass(frozen=True)
class Server:
    """A running `chorus serve`."""

    process: subprocess.Popen[bytes]
    ports: Ports
    log: Path

    def last_words(self) -> str:
        """The end of what it said."""
        return self.log.read_text()[-LAST_WORDS:].strip()


@contextlib.asynccontextmanager
async def serving(folder: Path, log: Path) -> AsyncIterator[Server]:
    """Serve the models of a folder. Raises NotServing, also when the server goes away."""
    server = _start(folder, log)
    try:
        await _until_ready(server)
        yield server
    except ServerGone:
        raise NotServing(server.last_words()) from None
    finally:
        server.process.kill()
        server.process.wait()


def exit_code(server: Server) -> int | None:
    """Ask the server to stop; None where it does not end."""
    server.process.terminate()
    try:
        return server.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        return None


def _start(folder: Path, log: Path) -> Server:
    ports = free_ports(len(FLAGS))
    argv = [sys.executable, "-m", "chorus", "serve", "--models-dir", str(folder)]
    for flag, port in zip(FLAGS, ports, strict=True):
        argv += [flag, str(port)]
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("CHORUS_", "MLSERVER_"))}
    with log.open("w") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, cwd=ROOT, env=ours)
    return Server(process, Ports(*ports), log)


async def _until_ready(server: Server) -> None:
    give_up = monotonic() + START_S
    url = f"http://{HOST}:{server.ports.gateway}/readyz"
    async with aiohttp.ClientSession() as session:
        while server.process.poll() is None and monotonic() < give_up:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.2)
    raise NotServing(server.last_words())
