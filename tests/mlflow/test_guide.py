"""What docs/mlflow.md shows is what happens: trained, served, the alias moved."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mlflow.conftest import Server
from tests.stack.conftest import ROOT, Stack

GUIDE = (ROOT / "docs" / "mlflow.md").read_text(encoding="utf-8")
FILE = re.compile(r"<!-- block: file models/(\S+) -->\n```json\n(.*?)```", re.DOTALL)
STARTED_BY_OTHERS = ("docker compose", ".venv/bin/pip install", "kubectl")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


class Reader:
    """Who follows the guide, with a server and a folder of models of their own."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.models = folder / "models"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS")}
        self.environment = clean | {
            "CHORUS_MODELS_DIR": str(self.models),
            "CHORUS_MLFLOW_CACHE": str(folder / "cache"),
            "MLFLOW_TRACKING_URI": server.url,
        }

    def run(self, argv: list[str]) -> str:
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def chorus(self, block: str) -> str:
        words = shlex.split(block)
        assert words[0] == "chorus"
        return self.run([sys.executable, "-m", *words, "--device", "cpu"])

    def python(self, block: str) -> str:
        return self.run([sys.executable, "-c", block])

    def curl(self, block: str, stack: Stack) -> str:
        for usual, port in zip((8000, 8080), stack.ports, strict=False):
            block = block.replace(f"localhost:{usual}", f"127.0.0.1:{port}")
        return self.run(["bash", "-c", block])


@pytest.fixture
def reader(server: Server, tmp_path: Path) -> Iterator[Reader]:
    client = server.client
    yield Reader(tmp_path, server)
    client.delete_registered_model("ideas")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_does_what_it_says(reader: Reader, tmp_path: Path) -> None:
    shown = [block for block in blocks("sh") if not block.startswith(STARTED_BY_OTHERS)]
    export, train, serve, info, again, reload = shown
    (move,) = blocks("py")
    assert export.strip() == "export MLFLOW_TRACKING_URI=http://localhost:5000"

    assert "MLflow has it as ideas version 1, alias champion" in reader.chorus(train)
    ((name, settings),) = FILE.findall(GUIDE)
    path = reader.models / name
    path.parent.mkdir()
    path.write_text(settings)
    assert shlex.split(serve) == ["chorus", "serve", "--models", "topics"]
    stack = Stack.start(
        tmp_path / "serve.log", "--models", "topics", "--device", "cpu", **reader.environment
    )
    try:
        stack.wait_until_ready()
        assert json.loads(reader.curl(info, stack))["model_id"] == "models:/ideas/1"
        assert "MLflow has it as ideas version 2:" in reader.chorus(again)
        reader.python(move)
        reader.curl(reload, stack)
        metadata = f"curl -s {stack.v2}/models/topics"
        said = json.loads(reader.curl(metadata, stack))["parameters"]
        assert said["checkpoint"] == "models:/ideas/2"
    finally:
        assert stack.stop() == 0, stack.log.read_text()
