"""What pyproject.toml asks for."""

from __future__ import annotations

import tomllib
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply_chain.pins import ROOT, TORCH, read

GATEWAY = ("gateway", "tracing", "kubernetes", "cli")
"""Extras that requirements-gateway.txt is for: the gateway in a container of its own."""
SERVING = ("runtime", "gateway", "tracing", "cli", "train")
"""Extras that requirements.txt is for."""
UI = "ui"
"""The extra that requirements-ui.txt is for: what the web page needs beyond requirements.txt."""
FORMS = "python-multipart"
"""Reads forms: the web page takes files by them; MLServer asks for it, but no server takes any."""
MLFLOW = "mlflow"
"""The extra that requirements-mlflow.txt is for: MLflow's client, beyond requirements.txt."""


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def version() -> str:
    """Of Chorus."""
    return str(_project()["project"]["version"])


def required(*extras: str) -> list[Requirement]:
    """What these extras ask for."""
    table = _project()["project"]["optional-dependencies"]
    return [Requirement(line) for extra in extras for line in table[extra]]


def group(name: str) -> list[Requirement]:
    """What this dependency group asks for."""
    return [Requirement(line) for line in _project()["dependency-groups"][name]]


def left_out() -> frozenset[str]:
    """Packages that others ask for and that are in no requirements file of a server."""
    overrides = map(Requirement, _project()["tool"]["uv"]["override-dependencies"])
    names = {
        canonicalize_name(requirement.name)
        for requirement in overrides
        if requirement.marker and not requirement.marker.evaluate()
    }
    return frozenset(names - {pin.name for pin in read(TORCH)} | {FORMS})
