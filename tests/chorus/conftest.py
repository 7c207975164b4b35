"""Stand-ins for the two servers: `chorus serve` starts them as it would the real ones."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

RUNTIME = """
import http.server, json, os, signal, sys, threading, time

args = dict(zip(sys.argv[2::2], sys.argv[3::2]))
note = lambda text: print(text, file=open(os.environ["FAKE_LOG"], "a"), flush=True)
note("runtime " + json.dumps([sys.argv[1], args, os.environ.get("CHORUS_DEVICE")]))
if reason := os.environ.get("FAKE_REFUSAL"):
    print("INFO loading", file=sys.stderr)
    sys.exit(reason)
print("INFO a quiet line")
print("WARNING a loud line", file=sys.stderr, flush=True)
names = args["--models"].split(",")
key = os.environ.get("CHORUS_UPSTREAM_KEY")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if key and self.headers.get("authorization") != "Bearer " + key:
            self.send_response(401)
            self.end_headers()
            return
        name = self.path.split("/")[3]
        weights = os.environ["CHORUS_WEIGHTS"]
        parameters = {} if name == "process" else {"weights": weights, "checkpoint": "x/" + name}
        if standin := os.environ.get("FAKE_STANDIN"):
            parameters["standin"] = standin
        body = json.dumps({"name": name, "parameters": parameters}).encode()
        self.send_response(200 if name in names else 404)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

def stop(*_):
    note("runtime stopped")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
server = http.server.ThreadingHTTPServer((args["--host"], int(args["--http-port"])), Handler)
server.serve_forever()
"""

GATEWAY = """
import http.server, json, os, signal, sys, urllib.request

note = lambda text: print(text, file=open(os.environ["FAKE_LOG"], "a"), flush=True)
note("gateway " + json.dumps({k: v for k, v in os.environ.items() if k.startswith("CHORUS_")}))
models = os.environ["CHORUS_MODELS"].split(",")
shown = {"authorization": "Bearer " + os.environ.get("CHORUS_UPSTREAM_KEY", "")}

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            for upstream in os.environ["CHORUS_UPSTREAM"].split(","):
                for name in models:
                    url = f"{upstream}/v2/models/{name}/ready"
                    urllib.request.urlopen(urllib.request.Request(url, headers=shown)).close()
            self.send_response(200)
        except OSError:
            self.send_response(503)
        self.end_headers()
    def log_message(self, *_):
        pass

def stop(*_):
    if os.environ.get("FAKE_STUBBORN"):
        return
    note("gateway stopped")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
address = (os.environ["CHORUS_HOST"], int(os.environ["CHORUS_PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


PAGE = """
import http.server, json, os, signal, sys, time

note = lambda text: print(text, file=open(os.environ["FAKE_LOG"], "a"), flush=True)
if reason := os.environ.get("FAKE_UI_REFUSAL"):
    sys.exit(reason)
note("page " + json.dumps([os.nice(0), dict(os.environ)]))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass

def stop(*_):
    note("page stopped")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
address = (os.environ["CHORUS_UI_HOST"], int(os.environ["CHORUS_UI_PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


@pytest.fixture
def ports() -> dict[str, str]:
    """Four free ports, by the variables that choose them."""
    names = ("CHORUS_PORT", "CHORUS_V2_PORT", "CHORUS_GRPC_PORT", "CHORUS_METRICS_PORT")
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return {name: str(one.getsockname()[1]) for name, one in zip(names, sockets, strict=True)}


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH, where the servers and the page are fakes."""
    for package, module, source in (
        ("mlserver_chorus", "server.py", RUNTIME),
        ("chorus_gateway", "__main__.py", GATEWAY),
        ("chorus_ui", "__main__.py", PAGE),
    ):
        folder = tmp_path / "fakes" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / module).write_text(source)
    return tmp_path / "fakes"


class Run:
    """One `chorus serve` and what it has printed so far."""

    def __init__(self, folder: Path, args: Sequence[str], env: dict[str, str]) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("w") as out, self._err.open("w") as err:
            argv = [sys.executable, "-m", "chorus", "serve", *args]
            self.process = subprocess.Popen(argv, env=env, cwd=folder, stdout=out, stderr=err)

    @property
    def shown(self) -> str:
        return self._out.read_text()

    @property
    def said(self) -> str:
        return self._err.read_text()

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert time.monotonic() < deadline, self.shown + self.said
            time.sleep(0.02)

    def until_said(self, text: str) -> None:
        self.until(lambda: text in self.said)

    def until_served(self) -> None:
        self.until(lambda: "--data" in self.shown)

    def servers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


Serve = Callable[..., Run]


@pytest.fixture
def serve(tmp_path: Path, fakes: Path, ports: dict[str, str]) -> Iterator[Serve]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHORUS_", "FAKE_"))}
    mine = {"FAKE_LOG": str(tmp_path / "log"), "PYTHONPATH": str(fakes)}
    runs: list[Run] = []

    def start(*args: str, **variables: str) -> Run:
        runs.append(Run(tmp_path, args, clean | ports | mine | variables))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()
