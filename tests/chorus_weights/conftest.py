"""A hub, and a folder of models whose weights are on it, for `chorus pull`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from tests.chorus_weights.hub_server import Hub, serving
from typer.testing import CliRunner

from chorus.cli import app
from chorus_weights.lock import Lock

STANDINS = Path(__file__).parents[2] / "models"


def standin(name: str = "svalabs") -> dict[str, bytes]:
    """The files of one of the project's own tiny classifiers."""
    folder = STANDINS / name / "standin"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@dataclass
class Place:
    """A working folder with models in it, a cache of its own, and the hub that they come from."""

    hub: Hub
    root: Path
    patch: pytest.MonkeyPatch

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def lock_file(self) -> Path:
        return self.root / "models" / "models.lock"

    @property
    def lock(self) -> Lock:
        return Lock.read(self.lock_file)

    def model(self, name: str, uri: str, **extra: object) -> None:
        """Settings of a model, a pipeline's if it has a task."""
        kind = "Pipeline" if "task" in extra else "Classifier"
        folder = self.root / "models" / name
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "name": name,
            "implementation": f"mlserver_chorus.{kind}",
            "parameters": {"uri": uri, "extra": extra},
        }
        (folder / "model-settings.json").write_text(json.dumps(settings))

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """`chorus pull` in a process of its own, running; it hears Ctrl-C, whoever runs the tests.

        Shells have what they start in the background ignore it, and that is inherited.
        """
        return subprocess.Popen(
            [sys.executable, "-m", "chorus", "pull", *arguments],
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            cwd=self.root,
            env=_clean() | self.hub.environment(self.cache) | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> Done:
        """`chorus pull` in a process of its own, ended."""
        return Done.of(self.start(*arguments, **variables))

    def pull(self, *arguments: str, **variables: str) -> Done:
        """The same in this process, which is a second faster.

        The hub's library reads its environment once, so here it is told what it would have read.
        """
        endpoint = variables.get("HF_ENDPOINT", self.hub.url)
        with self.patch.context() as patch:
            patch.chdir(self.root)
            patch.setattr(constants, "ENDPOINT", endpoint)
            template = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("/{repo_id}")
            patch.setattr(
                constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "".join(template[1:])
            )
            patch.setattr(constants, "HF_HUB_CACHE", str(self.cache / "hub"))
            patch.setattr(constants, "HF_HUB_OFFLINE", "HF_HUB_OFFLINE" in variables)
            environment = dict.fromkeys(set(os.environ) - set(_clean())) | variables
            result = CliRunner().invoke(app, ["pull", *arguments], env=environment)
        return Done(result.exit_code, result.stdout, result.stderr)

    def refusal(self, *arguments: str, code: int = 1, **variables: str) -> str:
        """The one line with which it refuses."""
        done = self.pull(*arguments, **variables)
        assert (done.code, done.out) == (code, ""), done
        (line,) = done.err.splitlines()
        assert line.startswith("chorus: ")
        assert str(self.root) not in line
        return line

    def files(self, repository: str) -> dict[str, bytes]:
        """What lies in the cache at the locked commit."""
        locked = self.lock.get(repository)
        assert locked
        home = self.cache / "hub" / f"models--{repository.replace('/', '--')}"
        folder = home / "snapshots" / locked.revision
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def _clean() -> dict[str, str]:
    ours = ("CHORUS_", "HF_", "HUGGING")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @classmethod
    def of(cls, process: subprocess.Popen[str]) -> Done:
        out, err = process.communicate(timeout=100)
        return cls(process.returncode, out, err)

    @property
    def rows(self) -> list[dict[str, Any]]:
        assert self.code == 0, self
        rows: list[dict[str, Any]] = json.loads(self.out)
        return rows


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub()) as hub:
        yield hub


@pytest.fixture
def place(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(hub, tmp_path, monkeypatch)
