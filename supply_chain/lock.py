"""Write the requirements files anew from pyproject.toml: `make lock`.

A pin that still fits stays; `--upgrade` moves all of them, `--upgrade-package NAME` one. uv makes
them because it resolves for every platform and Python at once, where pip-tools knows its own alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from supply_chain import pins, project

_COMPILE = (
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
    *("--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
)
_ALL = ("pyproject.toml", "--group", "mlserver", "--group", "torch")
_REASONS = "# Written by `make lock` from pyproject.toml, which has the reasons; do not edit.\n"
_HEADERS = {
    pins.SERVING: "# Everything that serving needs, but for MLServer and torch.\n",
    pins.MLSERVER: "# Installed with --no-deps, on the pins of requirements.txt.\n",
    pins.BUILD: "# What makes the package of Chorus itself.\n",
    pins.GATEWAY: "# Everything that a gateway in a container of its own needs.\n",
    pins.UI: "# What the web page needs beyond requirements.txt; installed with --no-deps.\n",
    pins.MLFLOW: "# What MLflow's client needs beyond requirements.txt.\n",
    pins.DEV: "# What tests and checks need beyond all the other files.\n",
}


def main(upgrades: list[str]) -> None:
    """Write all files that have hashes; ends with uv's own words where it finds no way."""
    extras = _each("--extra", project.SERVING)
    mlserver = [requirement.name for requirement in project.group("mlserver")]
    serving = [*_ALL, *extras, *_each("--no-emit-package", mlserver)]
    _write(pins.SERVING, *serving, "--no-emit-package", project.FORMS, *upgrades)
    _write(pins.MLSERVER, "--group", "mlserver", "--no-deps")
    _write(pins.BUILD, "--group", "build", *_beyond(pins.SERVING), *upgrades)
    ui = ["--extra", project.UI, *_beyond(pins.SERVING), *_agreeing(pins.BUILD)]
    _write(pins.UI, *serving, *ui, *upgrades)
    before = (pins.SERVING, pins.BUILD, pins.UI)
    mlflow = [*_each("--extra", (project.UI, project.MLFLOW)), *_beyond(*before)]
    _write(pins.MLFLOW, *serving, *mlflow, *upgrades)
    gateway = ["pyproject.toml", *_each("--extra", project.GATEWAY)]
    _write(pins.GATEWAY, *gateway, *_agreeing(pins.SERVING), *upgrades)
    dev = [*serving, *_each("--extra", ("kubernetes", project.UI, project.MLFLOW, "dev"))]
    dev += [*_agreeing(pins.GATEWAY), *_beyond(*before, pins.MLFLOW)]
    _write(pins.DEV, *dev, *upgrades)


def _beyond(*files: Path) -> list[str]:
    """Agree with these files, and repeat none of their pins."""
    there = (pin.name for file in files for pin in pins.read(file))
    return [*_agreeing(*files), *_each("--no-emit-package", there)]


def _agreeing(*files: Path) -> list[str]:
    return _each("--constraint", (file.name for file in files))


def _each(option: str, values: Iterable[str]) -> list[str]:
    return [part for value in values for part in (option, value)]


def _write(file: Path, *arguments: str) -> None:
    command = [*_COMPILE, *arguments, "--output-file", file.name]
    done = subprocess.run(command, cwd=pins.ROOT, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
    if done.returncode:
        sys.exit(f"lock: {file.name} stays as it was")
    # What uv finds as it was it leaves as it was, with the header of the last time.
    there = file.read_text().splitlines(keepends=True)
    body = "".join(line for line in there if not line.startswith("#"))
    file.write_text(_HEADERS[file] + _REASONS + body)


if __name__ == "__main__":
    main(sys.argv[1:])
