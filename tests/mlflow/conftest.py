"""A real MLflow server with two versions of a model that `chorus train --mlflow` has made."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from tests.conftest import free_port
from tests.mlflow.door import Door
from typer.testing import CliRunner

from chorus.cli import app
from chorus_weights.registry.client import client as our_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

COMPOSE = Path(__file__).parents[2] / "compose.yaml"
START_SECONDS = 100.0
NAME = "weather"
EXPERIMENT = "town"
OLD, NEW = ("cold", "warm"), ("freezing", "blazing", "größe 📏")
"""What the two versions tell apart: no label of one is a label of the other."""
WORDS = (("ice", "snow", "frost", "hail"), ("fire", "sun", "stove", "ember"), ("metre", "inch"))
COLD = "a lamp of ice"
"""What is asked; either version tells it by a label of its own."""


def table(path: Path, labels: tuple[str, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for label, words in zip(labels, WORDS, strict=False):
            for word in words:
                writer.writerows((f"a {t} of {word}", label) for t in ("lamp", "house", "wall"))
    return path


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def line(self) -> str:
        """The last of what it says."""
        return self.err.splitlines()[-1].removeprefix("chorus: ")


def train(uri: str, models: Path, file: Path, *options: str) -> Done:
    """`chorus train` in this process, which spares the import of torch."""
    argv = ["train", str(file), "--text", "text", "--label", "label", "--device", "cpu"]
    argv += ["--into", str(models), "--max-length", "16", "--json", *options]
    environment: dict[str, str | None] = dict.fromkeys(
        name for name in os.environ if name.startswith(("CHORUS_", "MLFLOW_"))
    )
    environment |= {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    result = CliRunner().invoke(app, argv, env=environment)
    return Done(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True)
class Server:
    """A running `mlflow server`."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> MlflowClient:
        from mlflow import MlflowClient  # seconds, for whoever collects these tests

        return MlflowClient(self.url)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As compose.yaml starts it: on SQLite, the artifacts behind it."""
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    service = yaml.safe_load(COMPOSE.read_text())["services"]["mlflow"]
    program, *options = service["command"]
    here = {
        "/mlflow/": f"{folder}/",
        "127.0.0.1:5000": "127.0.0.1:*",  # by a door too
        "5000": str(port),
        "0.0.0.0": "127.0.0.1",
    }
    for there, ours in here.items():
        options = [option.replace(there, ours) for option in options]
    argv = [sys.executable, "-m", program, *options]
    quiet = service["environment"] | {
        # As older servers do: a version may say that its files are anywhere.
        "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES": "http,mlflow-artifacts",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            argv, stdout=log, stderr=log, env=os.environ | quiet, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_up(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield Server(port, folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its workers are processes of their own
        process.wait()


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def door(server: Server) -> Iterator[Door]:
    """The way to the server, open at first."""
    door = Door(server.port)
    door.open()
    yield door
    door.shut()


@dataclass(frozen=True)
class Trained:
    """Two trainings of one name: their results, and where the second is."""

    old: dict[str, Any]
    new: dict[str, Any]
    models: Path


@pytest.fixture(scope="session")
def trained(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Version 1, which is the champion, and version 2, which has no alias."""
    root = tmp_path_factory.mktemp("trained")
    models = root / "models"
    options = ("--name", NAME, "--epochs", "6", "--mlflow", "--mlflow-experiment", EXPERIMENT)
    old = train(
        server.url, models, table(root / "old.csv", OLD), *options, "--mlflow-alias", "champion"
    )
    new = train(server.url, models, table(root / "new.csv", NEW), *options, "--replace")
    return Trained(old.results, new.results, models)


@pytest.fixture
def asking(server: Server, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """MLflow's client as the server of the models has it, in this process."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return our_client()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
