"""A peer's own virtual environment, made from a file of pinned requirements."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.base import ROOT

ENVIRONMENTS = ROOT / ".peers"
# What all the pins together have wheels for.
PYTHONS = ((3, 11), (3, 12))


class Environment:
    """One environment under `.peers`, made again when its requirements change."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = ENVIRONMENTS / name
        self.requirements = Path(__file__).with_name(f"{name}-requirements.txt")

    def command(self, name: str) -> str:
        """The path of one of its commands, such as `python`."""
        return str(self.folder / "bin" / name)

    def prepare(self) -> None:
        """Install it if it is not there as pinned; says so, for that takes minutes.

        Raises RuntimeError on a Python that the pins are not for, CalledProcessError from pip.
        """
        stamp = self.folder / ".installed"
        wanted = hashlib.sha256(self.requirements.read_bytes()).hexdigest()
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        if sys.version_info[:2] not in PYTHONS:
            raise RuntimeError(
                "the peers' pins need Python 3.11 or 3.12: run this with one of them"
            )
        steps = self._steps()
        shutil.rmtree(self.folder, ignore_errors=True)
        for number, (what, command) in enumerate(steps, 1):
            print(f"peer {self.name}, step {number} of {len(steps)}: {what}", file=sys.stderr)
            subprocess.run(command, check=True)
        stamp.write_text(wanted)

    def _steps(self) -> list[tuple[str, list[str]]]:
        lines = self.requirements.read_text().splitlines()
        torch = next(line for line in lines if line.startswith("torch=="))
        pip = [self.command("python"), "-m", "pip", "install", "--quiet"]
        pip += ["--disable-pip-version-check"]
        pinned = ["--no-deps", "--requirement", str(self.requirements)]
        return [
            ("virtual environment", [sys.executable, "-m", "venv", str(self.folder)]),
            # With what it depends on, which differs between a CPU and a GPU build.
            (torch, [*pip, torch]),
            ("the rest, exactly as pinned", [*pip, *pinned]),
        ]
