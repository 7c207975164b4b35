"""What is installed, and what of it something asks for, directly or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply_chain import project


class NotInstalled(Exception):
    """Something that is asked for is not there."""


def closure(roots: Iterable[Requirement]) -> dict[str, Distribution]:
    """What these ask for on this platform, and what that asks for; by normalised name.

    Leaves out what pyproject.toml's overrides do. Raises NotInstalled naming who asks for what.
    """
    found: dict[str, Distribution] = {}
    waiting = [("pyproject.toml", root) for root in roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    left_out = project.left_out()
    while waiting:
        asker, requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if name in left_out or key in seen:
            continue
        seen.add(key)
        found[name] = _installed(name, asker)
        waiting += [(name, needed) for needed in needs(found[name], requirement.extras)]
    return found


def alone(roots: Iterable[Requirement]) -> dict[str, Distribution]:
    """These and nothing that they ask for, by normalised name. Raises NotInstalled."""
    names = [canonicalize_name(root.name) for root in roots]
    return {name: _installed(name, "pyproject.toml") for name in names}


def needs(package: Distribution, extras: Iterable[str] = ()) -> Iterator[Requirement]:
    """What one package asks for on this platform, with these of its extras."""
    for requirement in map(Requirement, package.requires or ()):
        marker = requirement.marker
        if not marker or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _installed(name: str, asker: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise NotInstalled(f"{asker} asks for {name}, which is not installed") from error
