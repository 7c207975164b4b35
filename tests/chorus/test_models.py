from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.conftest import free_port
from typer.testing import CliRunner, Result

from chorus.cli import app
from chorus_weights import cache
from chorus_weights.lock import Lock, LockedFile, LockedModel

COMMIT = "a" * 40
PINNED = LockedModel("org/spam", COMMIT, (LockedFile("model.safetensors", 3, "b" * 64),), "main")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A classifier with a stand-in and a repository, a bare one, and an ensemble of both."""
    parameters = {
        "spam": {"uri": "hf://org/spam", "extra": {"standin": "./standin"}},
        "bare": {"uri": "./checkpoint"},
        "both": {"extra": {"members": ["spam", "bare"]}},
    }
    for name, own in parameters.items():
        home = tmp_path / "models" / name
        home.mkdir(parents=True)
        settings = {"name": name, "parameters": own}
        (home / "model-settings.json").write_text(json.dumps(settings))
    standin = tmp_path / "models" / "spam" / "standin"
    standin.mkdir()
    (standin / "model.safetensors").write_bytes(bytes(2_500_000))
    return tmp_path / "models"


def models(folder: Path, *args: str, port: int | None = None, **variables: str) -> Result:
    command = ["models", "--models-dir", str(folder), "--v2-port", str(port or free_port()), *args]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200", **variables})


def document(result: Result) -> dict[str, dict[str, object]]:
    assert result.exit_code == 0, result.stderr
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_what_is_configured_and_that_nothing_serves_it(folder: Path) -> None:
    result = models(folder)
    assert result.exit_code == 0, result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "2.5 MB" in lines["spam"]
    assert "org/spam, not pinned" in lines["spam"]
    assert "ensemble of 2" in lines["both"]
    assert "no model server answers at 127.0.0.1:" in result.stderr
    assert "chorus pull" in result.stderr


def test_what_is_pinned_and_whether_it_is_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "root", lambda: tmp_path / "hub")
    Lock().with_model(PINNED).write(folder / "models.lock")
    real = {"repository": "org/spam", "revision": COMMIT, "bytes": 3, "here": False}
    assert document(models(folder, "--json"))["spam"]["real"] == [real]
    file = cache.snapshot("org/spam", COMMIT) / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"abc")
    assert document(models(folder, "--json"))["spam"]["real"] == [{**real, "here": True}]
    assert f"org/spam@{COMMIT[:12]}, 0.0 MB, here" in models(folder, "spam").stdout


def test_names_and_groups_are_chosen_as_everywhere(folder: Path) -> None:
    assert document(models(folder, "spam", "--json")).keys() == {"spam"}
    result = models(folder, "nobody")
    assert result.exit_code == 2
    assert "no model named nobody" in result.stderr


class Answering(BaseHTTPRequestHandler):
    """Says to everything what `status` and `body` are."""

    status, body = 200, b"[]"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b"{}", "asks for a key; set CHORUS_UPSTREAM_KEY to one"),
        (200, b"<html>", "is no model server"),
        (404, b"{}", "is no model server"),
        (200, b'[{"name": 1}]', "is no model server"),
    ],
)
def test_what_answers_and_is_no_model_server_of_ours(
    folder: Path,
    answering: ThreadingHTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    says: str,
) -> None:
    monkeypatch.setattr(Answering, "status", status)
    monkeypatch.setattr(Answering, "body", body)
    result = models(folder, port=answering.server_port)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith(says)


def test_a_model_that_the_server_has_not(folder: Path, answering: ThreadingHTTPServer) -> None:
    result = models(folder, port=answering.server_port)
    assert result.stdout.count("not served") == 3
    assert "no model server" not in result.stderr
