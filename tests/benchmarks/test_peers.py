"""What each peer sends and reads, and how its answers are compared."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from benchmarks.answers import KEYS, Result, agree
from benchmarks.peers.base import Launch, Post
from benchmarks.peers.chorus import Chorus
from benchmarks.peers.process import NotReady, running
from benchmarks.peers.stock import Setting, Stock
from benchmarks.weights import for_transformers_4


def test_chorus_reads_all_five_answers() -> None:
    peer = Chorus()
    (sent,) = peer.posts('say "ja" 👍')
    assert sent.path == "/process"
    assert json.loads(sent.body) == 'say "ja" 👍'
    body = json.dumps({key: {"score": 0.5, "label": "SPAM"} for key in KEYS}).encode()
    assert peer.read(0, body) == dict.fromkeys(KEYS, Result("SPAM", 0.5))
    with pytest.raises(KeyError):
        peer.read(0, b"{}")


def test_stock_asks_every_model_and_spells_labels_as_process_does() -> None:
    peer = Stock({}, Setting(0, 0))
    sent = peer.posts("ja")
    assert [post.path for post in sent] == [f"/v2/models/{key}/infer" for key in KEYS]
    assert json.loads(sent[0].body)["inputs"][0]["data"] == ["ja"]

    def body(label: str) -> bytes:
        element = json.dumps({"label": label, "score": 0.75})
        return json.dumps({"outputs": [{"name": "output", "data": [element]}]}).encode()

    assert peer.read(0, body("negative")) == {"cardiffnlp": Result("NEGATIVE", 0.75)}
    assert peer.read(1, body("Mangolian")) == {"ivanlau": Result("Mongolian", 0.75)}
    with pytest.raises(ValueError, match="values to unpack"):
        peer.read(0, b'{"outputs": [{"data": []}]}')


def test_answers_agree_within_rounding_only() -> None:
    answer = {"svalabs": Result("HAM", 0.6)}
    assert agree(answer, {"svalabs": Result("HAM", 0.60005)})
    assert not agree(answer, {"svalabs": Result("HAM", 0.6002)})
    assert not agree(answer, {"svalabs": Result("SPAM", 0.6)})
    assert not agree(answer, {"ivanlau": Result("HAM", 0.6)})


def test_the_conversion_keeps_weights_and_vocabulary(tmp_path: Path) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.mkdir()
    (source / "model.safetensors").write_bytes(b"weights")
    (source / "config.json").write_text('{"dtype": "float32", "num_labels": 2}')
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    (source / "tokenizer.json").write_text(json.dumps({"model": model}))
    for_transformers_4(source, target)
    assert (target / "model.safetensors").read_bytes() == b"weights"
    assert json.loads((target / "config.json").read_text())["torch_dtype"] == "float32"
    converted = json.loads((target / "tokenizer.json").read_text())["model"]
    assert converted == {**model, "merges": ["a b"]}


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


# A server that ignores SIGTERM and has started a process of its own.
STUBBORN = """
import http.server, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
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


@pytest.mark.parametrize("module", ["benchmarks.stock", "benchmarks.loadgen"])
def test_help_shows_an_example(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True
    )
    assert f"example: python -m {module}" in shown.stdout
