"""T47: nothing older than the fix of a published hole is installed, pinned or allowed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from supply_chain import pins, project
from tests.reliability.floors import FLOORS, FORBIDDEN, Floor

PINNED = {pin.name: pin.version for file in (*pins.HASHED, pins.TORCH) for pin in pins.read(file)}
EXTRAS = ("runtime", "vision", "gateway", "tracing", "cli", "ui", "mlflow", "dev")


def allowed(package: str) -> Iterator[Version]:
    """The oldest version that each requirement of pyproject.toml lets in."""
    for requirement in project.required(*EXTRAS):
        if canonicalize_name(requirement.name) == package:
            yield oldest(requirement)


def oldest(requirement: Requirement) -> Version:
    bounds = [
        Version(part.version) for part in requirement.specifier if part.operator in (">=", "==")
    ]
    return max(bounds, default=Version("0"))


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.package)
def test_t47_what_is_installed_and_pinned_has_the_fix(floor: Floor) -> None:
    lowest = Version(floor.lowest)
    assert Version(version(floor.package)) >= lowest, floor.what
    assert Version(PINNED[floor.package]) >= lowest, floor.what


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.package)
def test_t47_an_installation_without_the_lock_has_the_fix(floor: Floor) -> None:
    for bound in allowed(floor.package):
        assert bound >= Version(floor.lowest), f"pyproject.toml: {floor.package}: {floor.what}"


def test_t47_what_callers_bytes_reach_first_has_a_bound() -> None:
    direct = {floor.package for floor in FLOORS if list(allowed(floor.package))}
    assert {"starlette", "aiohttp", "orjson", "pillow", "transformers", "torch"} <= direct


@pytest.mark.parametrize("package", FORBIDDEN)
def test_t47_what_nothing_uses_is_not_pinned(package: str) -> None:
    served = (pins.SERVING, pins.MLSERVER, pins.GATEWAY, pins.TORCH)
    assert package not in {pin.name for file in served for pin in pins.read(file)}, FORBIDDEN[
        package
    ]
    assert package in project.left_out()


def test_t47_a_floor_is_said_once_and_why() -> None:
    assert len({floor.package for floor in FLOORS}) == len(FLOORS)
    assert all((floor.ids or floor.unconfirmed) and floor.what for floor in FLOORS)
