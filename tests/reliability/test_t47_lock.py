"""T47: the requirements files are all that is installed, to the version, by hashes."""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from supply_chain import pins, project
from supply_chain.installed import closure

FILES = (*pins.HASHED, pins.TORCH)
CUDA = re.compile(r"(nvidia|cuda|triton)(-|$)")
"""What torch's own build for GPUs brings; in no file, see requirements-torch.txt."""


def every_pin() -> list[pins.Pin]:
    """Of one environment; the gateway's own file is of another."""
    return [pin for file in FILES if file != pins.GATEWAY for pin in pins.read(file)]


def serving() -> list[Requirement]:
    return [*project.required(*project.SERVING), *project.group("mlserver")]


@pytest.mark.parametrize("file", pins.HASHED, ids=lambda file: file.name)
def test_t47_every_pin_has_its_hashes(file: Path) -> None:
    found = pins.read(file)
    assert found
    assert [pin.name for pin in found if not pin.hashes] == []


def test_t47_torch_alone_has_none() -> None:
    assert [pin.name for pin in pins.read(pins.TORCH)] == ["torch"]


def test_t47_nothing_is_pinned_to_two_versions() -> None:
    counts = Counter(
        name for name, _ in {(pin.name, pin.version) for pin in every_pin() if pin.applies}
    )
    assert [name for name, count in counts.items() if count > 1] == []


def test_t47_the_gateways_pins_are_those_of_all() -> None:
    pinned = {pin.name: pin for pin in every_pin()}
    assert [pin for pin in pins.read(pins.GATEWAY) if pinned[pin.name] != pin] == []
    asked = closure(project.required(*project.GATEWAY))
    assert {pin.name for pin in pins.read(pins.GATEWAY) if pin.applies} == asked.keys()


def test_t47_no_file_names_another_place() -> None:
    for file in FILES:
        assert not re.search(
            r"https?:|file:|^\s*-(?!-hash=)", file.read_text(), flags=re.MULTILINE
        ), file.name


def test_t47_what_is_installed_is_what_is_pinned() -> None:
    for pin in every_pin():
        if pin.applies:
            assert pin.requirement.specifier.contains(version(pin.name), prereleases=True), pin.name


def test_t47_whatever_anything_asks_for_is_pinned() -> None:
    pinned = {pin.name for pin in every_pin()}
    asked = closure([*serving(), *project.group("torch"), *project.group("build")])
    asked |= closure(project.required("dev", "kubernetes"))
    assert {name for name in asked.keys() - pinned if not CUDA.match(name)} == set()


def test_t47_nothing_more_is_pinned_for_serving() -> None:
    asked = closure([*serving(), *project.group("torch")])
    pinned = {pin.name for pin in pins.read(pins.SERVING) if pin.applies}
    assert pinned - asked.keys() == set()


def test_t47_the_pins_are_what_pyproject_asks_for() -> None:
    pinned = {pin.name: pin for pin in every_pin()}
    groups = [part for name in ("torch", "build", "mlserver") for part in project.group(name)]
    for requirement in [*project.required(*project.SERVING, "dev"), *groups]:
        assert fits(requirement, pinned[canonicalize_name(requirement.name)]), requirement


def fits(requirement: Requirement, pin: pins.Pin) -> bool:
    return requirement.specifier.contains(pin.version, prereleases=True)


def test_t47_the_set_up_asks_for_hashes_and_builds_nothing_of_others() -> None:
    makefile = (pins.ROOT / "Makefile").read_text()
    (pinned,) = re.findall(r"^PINNED := (.*)$", makefile, flags=re.MULTILINE)
    assert pinned == "$(PIP) --require-hashes $(WHEELS)"
    assert "\nWHEELS ?= --only-binary :all:\n" in makefile
    for line in re.findall(r"^\t(.* -r .*)$", makefile, flags=re.MULTILINE):
        assert line.startswith("$(PINNED) ") or line == "$(PIP) -r requirements-torch.txt", line
