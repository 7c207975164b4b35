"""`chorus bench` against a server that answers as it is told, and notes what it is asked."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.apiserver.certificates import server_context
from tests.conftest import free_port
from typer.testing import CliRunner, Result

from chorus.cli import app

QUICK = ("--seconds", "0.15", "--warmup", "0", "--clients", "2")
GOOD = b'{"cardiffnlp": {"score": 0.9, "label": "POSITIVE"}}'


class Asked(NamedTuple):
    """A request that the server has seen."""

    path: str
    key: str | None
    body: Any


Answer = Callable[[int], tuple[int, bytes]]


class Server:
    """Answers its requests, numbered from 0, by `answer`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.answer: Answer = lambda number: (200, GOOD)
        self.weights = ""
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._serve(self)

            def do_GET(self) -> None:
                outer._serve(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_port}"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        with self._lock:
            number = len(self.asked)
            said = json.loads(body) if body else None
            self.asked.append(Asked(handler.path, handler.headers.get("authorization"), said))
        status, answer = self.answer(number)
        handler.send_response(status)
        handler.send_header("content-length", str(len(answer)))
        if self.weights:
            handler.send_header("x-chorus-weights", self.weights)
        handler.end_headers()
        handler.wfile.write(answer)


@pytest.fixture
def two() -> Iterator[tuple[Server, Server]]:
    servers = Server(), Server()
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def server(two: tuple[Server, Server]) -> Server:
    return two[0]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHORUS_API_KEY", "CHORUS_AGAINST_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def bench(*args: str, **env: str) -> Result:
    return CliRunner().invoke(app, ["bench", *args], env=env, prog_name="chorus")


def document(*args: str) -> dict[str, Any]:
    result = bench(*args, "--json")
    assert result.exit_code in (0, 1), result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refusal(code: int, *args: str, **env: str) -> str:
    result = bench(*args, **env)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    (line,) = result.stderr.splitlines()
    return line.removeprefix("chorus: ")


def test_the_table_has_all_that_matters(server: Server) -> None:
    server.weights = "standin"
    result = bench(server.url, *QUICK)
    assert result.exit_code == 0, result.output
    for words in ("good/s", "p50 ms", "p90 ms", "p99 ms", "max ms", "client CPU", "2 clients"):
        assert words in result.stdout
    assert f"{server.url}/process" in result.stdout
    assert "█" in result.stdout, "how the latencies are spread"
    assert "stand-ins answered" in result.stderr
    assert {one.path for one in server.asked} == {"/process"}
    assert len({one.body for one in server.asked}) > 1


def test_what_the_server_has_seen_is_what_is_reported(server: Server) -> None:
    server.answer = lambda number: (500, b'{"error": "odd"}') if number % 3 == 1 else (200, GOOD)
    (one,) = document(server.url, *QUICK)["results"]
    loaded = range(1, len(server.asked))  # the first one was the probe
    failed = sum(number % 3 == 1 for number in loaded)
    assert one["failed"] == failed > 0
    assert one["failures"] == [{"kind": "500", "count": failed, "example": '{"error": "odd"}'}]
    assert sum(bucket["count"] for bucket in one["histogram"]) == len(loaded) - failed
    assert one["p50_ms"]["median"] <= one["p99_ms"]["median"] <= one["max_ms"]["median"]
    assert one["weights"] is None


def test_failures_end_with_1_and_show_an_example_on_one_line(server: Server) -> None:
    bad = b'{"error": "two\\nlines \\u001b[31mred"}'
    server.answer = lambda number: (500, bad) if number else (200, GOOD)
    result = bench(server.url, *QUICK)
    assert result.exit_code == 1
    assert "two lines [31mred" in result.stdout
    assert "\x1b" not in result.stdout


def test_an_answer_of_another_form_is_no_good_answer(server: Server) -> None:
    server.answer = lambda number: (200, GOOD if number == 0 else b'{"error": "hidden"}')
    (one,) = document(server.url, *QUICK)["results"]
    assert (one["good"], one["good_per_s"], one["p50_ms"], one["histogram"]) == (0, None, None, [])
    assert [failure["kind"] for failure in one["failures"]] == ["wrong"]


def test_at_a_rate_every_request_that_was_due_is_sent(server: Server) -> None:
    found = document(server.url, "--rate", "40", "--seconds", "0.5", "--warmup", "0.1")
    assert found["load"] == {"clients": 1024, "rate": 40.0, "seconds": 0.5, "warmup": 0.1}
    assert found["results"][0]["good"] == 20
    assert len(server.asked) == 1 + 4 + 20


def test_two_servers_take_turns_and_are_compared(two: tuple[Server, Server]) -> None:
    quick, slow = two

    def later(number: int) -> tuple[int, bytes]:
        time.sleep(0.03)
        return 200, GOOD

    slow.answer = later
    result = bench(quick.url, "--against", slow.url, *QUICK)
    assert result.exit_code == 0, result.output
    turns = [line.split(": ")[1] for line in result.stderr.splitlines() if "round" in line]
    places = [turn.split(", ")[1].removesuffix("/process") for turn in turns]
    assert places == [quick.url, slow.url, slow.url, quick.url, quick.url, slow.url]
    assert "3 rounds each: medians and ranges" in result.stdout
    assert "first / second" in result.stdout
    long = ("--rounds", "2", "--seconds", "0.3", "--warmup", "0", "--clients", "2")
    found = document(quick.url, "--against", slow.url, *long)
    assert [one["rounds"] for one in found["results"]] == [2, 2]
    assert found["ratios"]["p50_ms"]["median"] < 1 < found["ratios"]["good_per_s"]["median"]


def test_a_key_is_shown_to_its_server_alone(two: tuple[Server, Server]) -> None:
    first, second = two
    args = (first.url, "--against", second.url, "--rounds", "1", *QUICK)
    result = bench(*args, CHORUS_API_KEY="mine")
    assert {one.key for one in first.asked} == {"Bearer mine"}
    assert {one.key for one in second.asked} == {None}
    assert "mine" not in result.output
    bench(*args, CHORUS_API_KEY="mine", CHORUS_AGAINST_API_KEY="yours")
    assert second.asked[-1].key == "Bearer yours"


def test_a_model_by_its_name(server: Server) -> None:
    server.answer = lambda number: (200, b'[[{"label": "a", "score": 0.5}]]')
    bench(server.url, "--model", "a model", *QUICK)
    assert {one.path for one in server.asked} == {"/models/a%20model"}
    assert all(one.body.keys() == {"inputs"} for one in server.asked)


def test_a_v2_server_is_sent_texts_in_the_input_that_takes_them(server: Server) -> None:
    metadata = {
        "inputs": [{"name": "n", "datatype": "INT32"}, {"name": "sentence", "datatype": "BYTES"}],
        "parameters": {"weights": "standin"},
    }
    answer = b'{"outputs": []}'
    server.answer = lambda number: (200, answer if number else json.dumps(metadata).encode())
    result = bench(server.url, "--v2", *QUICK)
    assert result.exit_code == 0, result.output
    assert "stand-ins answered" in result.stderr
    first, *loaded = server.asked
    assert first.path == "/v2/models/process"
    assert {one.path for one in loaded} == {"/v2/models/process/infer"}
    (tensor,) = loaded[-1].body["inputs"]
    assert (tensor["name"], tensor["shape"], tensor["datatype"]) == ("sentence", [1], "BYTES")


def test_texts_of_a_file_are_sent_in_order(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("eins\n\nzwei 👍\n", encoding="utf-8")
    once = ("--rate", "20", "--seconds", "0.2", "--warmup", "0", "--clients", "1")
    bench(server.url, "--texts", str(file), *once)
    bodies = [one.body for one in server.asked[1:]]
    assert bodies == ["eins", "zwei 👍", "eins", "zwei 👍"]


@pytest.mark.parametrize(
    ("status", "body", "args", "env", "says"),
    [
        (401, b"{}", (), {}, "asks for a key; set CHORUS_API_KEY to one"),
        (403, b"{}", (), {"CHORUS_API_KEY": "x"}, "does not take the key in CHORUS_API_KEY (403)"),
        (404, b"{}", (), {}, "has no /process: for a model use --model NAME"),
        (404, b'{"error": "gone"}', ("--model", "m"), {}, "has no model named m (gone)"),
        (503, b'{"error": "loading"}', (), {}, "is not ready, or too busy (loading); try again"),
        (422, b'{"error": "an image"}', ("--model", "m"), {}, "m takes no text alone"),
        (500, b"<html>", (), {}, "/process answers 500; is it the right URL?"),
        (200, b"<html>", (), {}, "is no JSON: give the URL of a gateway"),
        (200, b"[]", ("--v2",), {}, "is no V2 server; check the URL"),
        (200, b'{"inputs": [{"datatype": "FP32"}]}', ("--v2",), {}, "the model takes no texts"),
    ],
)
def test_a_server_that_cannot_be_loaded_is_asked_once(
    server: Server, status: int, body: bytes, args: tuple[str, ...], env: dict[str, str], says: str
) -> None:
    server.answer = lambda number: (status, body)
    assert says in refusal(1, server.url, *args, **env)
    assert len(server.asked) == 1


def test_no_server_is_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert f"no server answers at {url}; `chorus serve` starts one" in refusal(1, url)


def test_a_server_without_tls(server: Server) -> None:
    url = server.url.replace("http:", "https:")
    assert f"no TLS with {url}" in refusal(1, url)


def test_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(server_context(tmp_path, ["127.0.0.1"]))
    try:
        assert f"no TLS with {server.url} (CERTIFICATE_VERIFY_FAILED)" in refusal(1, server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
        result = bench(server.url, *QUICK)
    finally:
        server.stop()
    assert result.exit_code == 0, result.output
    assert len(server.asked) > 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("127.0.0.1:8000",), "is no URL of a server; write it as http://127.0.0.1:8000"),
        (("ftp://host",), "is no URL of a server"),
        (("http://host:99999",), "is no URL of a server"),
        (("http://me:secret@host",), "a key belongs in CHORUS_API_KEY"),
        (("http://host/process?key=secret",), "a key belongs in CHORUS_API_KEY"),
        (("--texts", "missing.txt"), "missing.txt: No such file or directory; choose another"),
        (("--texts", os.devnull), "has no text"),
        (("--texts", sys.executable), "is no UTF-8"),
        (("--rate", "nan"), "--rate"),
        (("--rate", "0"), "--rate"),
        (("--clients", "0"), "--clients"),
    ],
)
def test_nonsense_is_refused(args: tuple[str, ...], says: str) -> None:
    line = refusal(2, *args)
    assert says in line
    assert "secret" not in line


@pytest.mark.parametrize("key", ["two words", "line\r\nX: y", "schlüssel"])
def test_a_key_that_is_no_header_is_not_shown(server: Server, key: str) -> None:
    line = refusal(2, server.url, CHORUS_API_KEY=key)
    assert line == "CHORUS_API_KEY is no key: it has spaces or letters beyond ASCII"
    assert server.asked == []


def test_more_clients_than_files_are_allowed(server: Server) -> None:
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); "
        "from chorus.cli import app; app()"
    )
    argv = [sys.executable, "-c", script, "bench", server.url, "--clients", "300"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--clients needs 364 open files, and 256 are allowed" in done.stderr


def test_interrupted_it_shows_what_it_has(server: Server) -> None:
    argv = [sys.executable, "-m", "chorus", "bench", server.url, "--seconds", "600"]
    argv += ["--warmup", "0", "--clients", "2"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(server.asked) < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    shown, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert f"{server.url}/process" in shown
    assert said.splitlines()[-1] == "chorus: interrupted; this is what there is until now"
