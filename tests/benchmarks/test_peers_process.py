"""How a peer is started, watched and ended."""

import json
import os
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from benchmarks.peers.base import Launch, Post
from benchmarks.peers.chorus import Chorus
from benchmarks.peers.process import NotReady, running


class Script(Chorus):
    """A peer that runs a line of Python."""

    name = "script"

    def __init__(self, line: str) -> None:
        self.line = line

    def launch(self, folder: Path, free_port: Callable[[], int]) -> Launch:
        port = free_port()
        return Launch([sys.executable, "-c", self.line.format(port=port)], folder, {}, port)

    def ready_paths(self) -> list[str]:
        return ["/"]

    def posts(self, text: str) -> list[Post]:
        return []


# A server that ignores SIGTERM and has started a process in a session of its own.
STUBBORN = """
import http.server, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
http.server.HTTPServer(("127.0.0.1", {port}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_nothing_of_a_server_outlives_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.process.STOP_SECONDS", 0.2)
    group: list[psutil.Process] = []

    def interrupted() -> None:
        with running(Script(STUBBORN), {0}) as server:
            parent = psutil.Process(server.process.pid)
            group.extend([parent, *parent.children()])
            assert server.cpu_seconds() > 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(group) == 2
    _, alive = psutil.wait_procs(group, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_server_that_ends_at_once_is_explained() -> None:
    peer = running(Script("import sys; print('no models'); sys.exit(3)"), {0})
    with pytest.raises(NotReady, match=r"ended with 3\nno models"):
        peer.__enter__()


# A server that shows what is in its environment.
FRANK = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())
http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


@pytest.mark.parametrize(("device", "visible"), [("cpu", ""), ("cuda", "0")])
def test_only_on_the_cpu_are_gpus_hidden(
    device: str, visible: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    peer = Script(FRANK)
    peer.device = device
    with running(peer, set(os.sched_getaffinity(0))) as server:
        url = f"http://127.0.0.1:{server.port}/"
        environment = json.loads(urllib.request.urlopen(url).read())
    assert environment["CUDA_VISIBLE_DEVICES"] == visible
    assert environment["HF_HUB_OFFLINE"] == "1"
