"""Somebody who pastes a page's blocks into a terminal, in a scratch copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from tests.docs.blocks import ROOT

USUAL: Final = (8000, 8080, 8081, 8082, 7860)
"""The ports that the pages speak of: gateway, V2, gRPC, metrics, the page."""
VARIABLES: Final = ("PORT", "V2_PORT", "GRPC_PORT", "METRICS_PORT", "UI_PORT")
LINKED: Final = ("tasks",)
"""Groups of models that are large, and that nobody edits."""
BENCH: Final = re.compile(r"\bchorus bench(?! http)")
"""It asks the usual port unless told another."""
LINE_SECONDS: Final = 300.0
NEVER_INSTALLS: Final = {"MAKEFLAGS": " -- PIP=/bin/false"}
"""The environment is the tests' own: a page that would change it fails."""


class Reader:
    """Their folder, their shell's variables, and the ports of the server that they ask."""

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self.folder = folder
        self.ports = ports
        _settle(folder)
        clean = {name: value for name, value in os.environ.items() if _ordinary(name)}
        programs = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
        self._variables = clean | {"PATH": programs}

    @property
    def serving(self) -> dict[str, str]:
        """The variables of a server that they start: its ports are the reader's."""
        ports = zip(VARIABLES, map(str, self.ports), strict=False)
        chosen = {f"CHORUS_{name}": port for name, port in ports}
        return self._variables | chosen | NEVER_INSTALLS | {"HF_HUB_OFFLINE": "1"}

    def here(self, text: str) -> str:
        """The text with this reader's ports."""
        for usual, port in zip(USUAL, self.ports, strict=False):
            text = re.sub(rf"\b(localhost|127\.0\.0\.1):{usual}\b", f"127.0.0.1:{port}", text)
        return BENCH.sub(f"chorus bench http://127.0.0.1:{self.ports[0]}", text)

    def save(self, name: str, text: str) -> None:
        """Put a file where the page says."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def paste(self, line: str) -> str:
        """Run a line of shell; variables that it sets stay. Fails the test when it fails."""
        kept = self.folder / ".variables"
        script = f"set -aeo pipefail\n{self.here(line)}\nenv -0 > {kept}"
        output = self._run(["bash", "-c", script])
        pairs = (pair.partition("=") for pair in kept.read_text().split("\0") if pair)
        self._variables = {name: value for name, _, value in pairs if name not in ("_", "SHLVL")}
        return output

    def python(self, program: str, interpreter: Path) -> str:
        """Run a program. Fails the test when it fails."""
        return self._run([str(interpreter), "-c", self.here(program)])

    def _run(self, argv: list[str]) -> str:
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=LINE_SECONDS,
        )
        assert done.returncode == 0, f"{argv[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _ordinary(name: str) -> bool:
    return not name.startswith(("CHORUS_", "MLSERVER_", "MAKE", "HF_", "PYTEST_"))


def _settle(folder: Path) -> None:
    """The project as it is, of which what a reader may change is a copy."""
    for path in ROOT.iterdir():
        if path.name not in ("models", "k8s", ".git", ".venv"):
            (folder / path.name).symlink_to(path)
    _installed(folder / ".venv")
    shutil.copytree(ROOT / "k8s", folder / "k8s")
    models = folder / "models"
    models.mkdir()
    for path in (ROOT / "models").iterdir():
        if path.name in LINKED:
            (models / path.name).symlink_to(path)
        elif path.is_dir():
            shutil.copytree(path, models / path.name)
        else:
            shutil.copy(path, models / path.name)
    Image.new("RGB", (320, 240), "steelblue").save(folder / "street.jpg")


def _installed(venv: Path) -> None:
    """What `make install` leaves, so that `make run` has nothing to install."""
    programs = venv / "bin"
    programs.mkdir(parents=True)
    for name in ("chorus", "python"):
        (programs / name).symlink_to(Path(sys.executable).with_name(name))
    (venv / ".installed").touch()
