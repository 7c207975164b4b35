"""One `chorus serve` of every task and a classifier, and what the clients send to it."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients import files
from tests.stack.conftest import FLAGS, ROOT, Stack, free_ports

START_SECONDS = 300.0
"""All the models of the group, and on first use their stand-ins, on a busy machine."""


def start(log: Path, *options: str, media_host: str = "") -> Stack:
    """`chorus serve`, whose gateway may fetch images from a host."""
    ports = free_ports(4)
    argv = [sys.executable, "-m", "chorus", "serve", *options]
    for flag, port in zip(FLAGS, ports, strict=True):
        argv += [flag, str(port)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHORUS_")}
    environment["CHORUS_MEDIA_HOSTS"] = media_host
    with log.open("w") as out:
        process = subprocess.Popen(
            argv, stdout=out, stderr=out, cwd=ROOT, env=environment, text=True
        )
    return Stack(process, ports, log, options)


def serving(log: Path, *options: str, media_host: str = "") -> Iterator[Stack]:
    stack = start(log, *options, media_host=media_host)
    try:
        try:
            stack.wait_until_ready(START_SECONDS)
        except AssertionError:
            # Without a traceback: each test of the folder would repeat it.
            pytest.fail(f"not ready:\n{stack.log.read_text()[-1000:]}", pytrace=False)
        yield stack
    finally:
        code = stack.stop()
    assert code == 0, stack.log.read_text()


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory, media_host: str) -> Iterator[Stack]:
    """A model for every task, each on its stand-in."""
    log = tmp_path_factory.mktemp("tasks") / "serve.log"
    yield from serving(log, "--models", "tasks,svalabs", media_host=media_host)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with picture.png and sound.wav."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "picture.png").write_bytes(files.png())
    (folder / "sound.wav").write_bytes(files.wav())
    return folder


@pytest.fixture(scope="session")
def media_host(media: Path) -> Iterator[str]:
    """A web server with that folder, which the gateway may fetch from."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(media))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
