"""Stand-in, hub or folder; the hub is a local server that speaks its API."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlserver.settings import ModelParameters, ModelSettings

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.settings import ClassifierExtra
from mlserver_chorus.weights import locate

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def settings(tmp_path: Path, uri: str | None) -> ModelSettings:
    made = ModelSettings(name="spam", implementation="mlserver_chorus.Classifier")
    made.parameters = ModelParameters(uri=uri)
    made._source = str(tmp_path / "models/spam/model-settings.json")
    return made


def test_the_stand_in_is_used_where_there_is_one(tmp_path: Path) -> None:
    found = locate(settings(tmp_path, "hf://a/b"), ClassifierExtra(standin="./standin"), "standin")
    assert (found.folder, found.kind) == (tmp_path / "models/spam/standin", "standin")


def test_a_model_without_a_stand_in_uses_its_own_weights(tmp_path: Path) -> None:
    found = locate(settings(tmp_path, "./weights"), ClassifierExtra(), "standin")
    assert (found.folder, found.kind) == (tmp_path / "models/spam/weights", "folder")


def test_a_folder_holds_one_checkpoint_per_model(tmp_path: Path) -> None:
    given = settings(tmp_path, "hf://a/b"), ClassifierExtra(standin="./standin"), str(tmp_path)
    found = locate(*given)
    assert (found.folder, found.kind, found.name) == (tmp_path / "spam", "folder", "spam")


@pytest.mark.parametrize("uri", ["hf://", "hf://name", "hf://a/b/c", "hf://a/b@", "hf://a/../b"])
def test_a_uri_that_names_no_repository_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(LoadError, match="hf://organisation/name@revision"):
        locate(settings(tmp_path, uri), ClassifierExtra(), "hub")


@dataclass
class Hub:
    """Repositories by name, each a dict of files; every request is noted."""

    url: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            hub.requests.append(f"{self.command} {path}")
            for name, files in hub.repositories.items():
                if path.startswith(f"/api/models/{name}/tree/"):
                    return self.answer(json.dumps([entry(*file) for file in files.items()]))
                if path.startswith(f"/api/models/{name}"):
                    siblings = [{"rfilename": file} for file in files]
                    model = {"id": name, "sha": COMMIT, "siblings": siblings}
                    return self.answer(json.dumps({**model, "private": False, "tags": []}))
                file = path.removeprefix(f"/{name}/resolve/{COMMIT}/")
                if file in files:
                    return self.answer(files[file])
            self.send_error(404)
            return None

        def answer(self, body: str | bytes) -> None:
            content = body.encode() if isinstance(body, str) else body
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    def entry(name: str, content: bytes) -> dict[str, object]:
        oid = hashlib.sha256(content).hexdigest()[:40]
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()


def fetch(hub: Hub, home: Path, uri: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Locate in a process of its own, for the hub's library reads its environment once."""
    code = (
        "import sys, pathlib\n"
        "from tests_settings import locate_spam\n"
        "found = locate_spam(sys.argv[1])\n"
        "print(found.kind, found.name, *sorted(p.name for p in found.folder.iterdir()))\n"
    )
    (home / "tests_settings.py").write_text(
        "from mlserver.settings import ModelParameters, ModelSettings\n"
        "from mlserver_chorus.settings import ClassifierExtra\n"
        "from mlserver_chorus.weights import locate\n"
        "def locate_spam(uri):\n"
        "    made = ModelSettings(name='spam', implementation='mlserver_chorus.Classifier')\n"
        "    made.parameters = ModelParameters(uri=uri)\n"
        "    return locate(made, ClassifierExtra(), 'hub')\n"
    )
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, uri],
        env={
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home / "cache"),
            "PYTHONPATH": str(home),
            "NO_PROXY": "127.0.0.1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


CONFIGURATION = {"config.json": b"{}", "tokenizer.json": b"{}", "tokenizer_config.json": b"{}"}
SURPRISES = {"modeling_evil.py": b"x", "training_args.bin": b"x", "README.md": b"x"}


def test_safetensors_are_fetched_and_nothing_beside_them(hub: Hub, tmp_path: Path) -> None:
    weights = {"model.safetensors": b"w" * 1000, "pytorch_model.bin": b"p"}
    hub.repositories["svalabs/spam"] = {**CONFIGURATION, **SURPRISES, **weights}
    done = fetch(hub, tmp_path, f"hf://svalabs/spam@{COMMIT}")
    assert done.stdout.split() == [
        "hub",
        f"svalabs/spam@{COMMIT}",
        *sorted([*CONFIGURATION, "model.safetensors"]),
    ], done.stderr
    fetched = {request.rpartition("/")[2] for request in hub.requests if "resolve" in request}
    assert fetched == {*CONFIGURATION, "model.safetensors"}


def test_a_bin_is_fetched_where_there_is_nothing_safer(hub: Hub, tmp_path: Path) -> None:
    hub.repositories["svalabs/spam"] = {**CONFIGURATION, **SURPRISES, "pytorch_model.bin": b"p"}
    done = fetch(hub, tmp_path, "hf://svalabs/spam")
    assert done.stdout.split()[2:] == sorted([*CONFIGURATION, "pytorch_model.bin"]), done.stderr


def test_what_was_fetched_once_serves_without_a_hub(hub: Hub, tmp_path: Path) -> None:
    hub.repositories["svalabs/spam"] = {**CONFIGURATION, "model.safetensors": b"w"}
    first = fetch(hub, tmp_path, f"hf://svalabs/spam@{COMMIT}")
    hub.requests.clear()
    again = fetch(hub, tmp_path, f"hf://svalabs/spam@{COMMIT}", HF_HUB_OFFLINE="1")
    assert again.stdout == first.stdout != "", again.stderr
    assert hub.requests == []


def test_a_repository_that_is_not_there_is_one_line_with_advice(hub: Hub, tmp_path: Path) -> None:
    done = fetch(hub, tmp_path, "hf://svalabs/typo")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert "svalabs/typo could not be fetched" in last
    assert "--weights standin" in last
