"""T47: what the code imports it asks for by name; nothing is there only by somebody else."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from supply_chain import project
from supply_chain.pins import ROOT

RUNTIMES = ROOT / "runtimes"
OURS = {folder.name for folder in RUNTIMES.iterdir()}
OWNERS = packages_distributions()
WITH_TORCH = (RUNTIMES / "chorus" / "standins", RUNTIMES / "chorus" / "training")
"""What makes stand-ins, in processes of their own beside the model server, and what trains."""


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def modules(*packages: str) -> dict[str, str]:
    """Each module of others that these packages import, and a file that does."""
    files = (file for name in packages for file in (RUNTIMES / name).rglob("*.py"))
    found = {
        module: str(file.relative_to(RUNTIMES))
        for file in files
        if not any(file.is_relative_to(place) for place in WITH_TORCH)
        for module in imported(file)
    }
    known = OURS | set(sys.stdlib_module_names)
    return {module: file for module, file in found.items() if module not in known}


@pytest.mark.parametrize(
    ("packages", "extras"),
    [
        (("chorus_gateway", "chorus_http"), project.GATEWAY),
        (
            ("mlserver_chorus", "chorus_http", "chorus_weights"),
            ("runtime", "vision", "tracing", "mlflow"),
        ),
        (("chorus", "chorus_weights"), ("cli", "mlflow")),
        (("chorus_ui",), ("ui",)),
    ],
    ids=["gateway", "runtime", "cli", "page"],
)
def test_t47_what_is_imported_is_asked_for(
    packages: tuple[str, ...], extras: tuple[str, ...]
) -> None:
    asked = {canonicalize_name(requirement.name) for requirement in project.required(*extras)}
    asked |= {canonicalize_name(requirement.name) for requirement in project.group("mlserver")}
    found = modules(*packages)
    assert found
    unasked = {
        module: file
        for module, file in found.items()
        if not asked & {canonicalize_name(name) for name in OWNERS.get(module, [])}
    }
    assert unasked == {}
