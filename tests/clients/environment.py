"""A small virtual environment for a client that cannot share ours."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python_with(requirements: Path) -> Path:
    """The interpreter of an environment with exactly these pins, made when they change.

    Raises CalledProcessError from pip.
    """
    folder = ROOT / ".peers" / requirements.stem.removesuffix("-requirements")
    python, stamp = folder / "bin" / "python", folder / ".installed"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--requirement", str(requirements)], check=True)
        stamp.write_text(wanted)
    return python
