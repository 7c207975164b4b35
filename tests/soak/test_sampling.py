"""Samples of real processes: what they hold is seen, and who has left is not asked."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.soak.sampling import Held, Sampler, ServerGone

# Says where it listens, then takes connections and does what it is told on standard input.
SCRIPT = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
kept = []
for line in sys.stdin:
    if line == "accept\\n":
        kept.append(listener.accept())
    if line == "grow\\n":
        kept += [b"\\1" * (32 << 20), *(open("/dev/null") for _ in range(7))]
        for _ in range(3):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
    print("done", flush=True)
"""


class Process:
    def __init__(self) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.port = int(self._answer())

    def tell(self, word: str) -> None:
        assert self.popen.stdin
        self.popen.stdin.write(f"{word}\n")
        self._answer()

    def _answer(self) -> str:
        assert self.popen.stdout
        return self.popen.stdout.readline()


@pytest.fixture
def process() -> Iterator[Process]:
    started = Process()
    yield started
    started.popen.kill()
    started.popen.communicate()


async def held(process: Process) -> Held:
    sampler = Sampler(process.popen.pid, every=60.0)
    running = asyncio.create_task(sampler.run())
    while not sampler.samples:
        await asyncio.sleep(0.01)
    running.cancel()
    (one,) = sampler.samples[0].held.values()
    return one


async def test_what_a_process_takes_is_seen(process: Process) -> None:
    before = await held(process)
    process.tell("grow")
    after = await held(process)
    assert after.rss_mib - before.rss_mib == pytest.approx(32, abs=4)
    assert after.descriptors - before.descriptors == 7
    assert after.threads - before.threads == 3


async def test_a_connection_counts_once_its_client_has_left(process: Process) -> None:
    before = await held(process)
    with socket.create_connection(("127.0.0.1", process.port)):
        process.tell("accept")
        assert (await held(process)).descriptors == before.descriptors
    assert (await held(process)).descriptors == before.descriptors + 1


async def test_a_server_that_is_gone_is_told(process: Process) -> None:
    sampler = Sampler(process.popen.pid, every=0.01)
    process.popen.kill()
    process.popen.wait()
    with pytest.raises(ServerGone):
        await sampler.run()
