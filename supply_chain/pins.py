"""The requirements files as pip reads them, and nothing that is not an exact pin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SERVING = ROOT / "requirements.txt"
MLSERVER = ROOT / "requirements-mlserver.txt"
TORCH = ROOT / "requirements-torch.txt"
BUILD = ROOT / "requirements-build.txt"
GATEWAY = ROOT / "requirements-gateway.txt"
UI = ROOT / "requirements-ui.txt"
MLFLOW = ROOT / "requirements-mlflow.txt"
DEV = ROOT / "requirements-dev.txt"
HASHED = (SERVING, MLSERVER, BUILD, GATEWAY, UI, MLFLOW, DEV)
"""Of each pin of these, every published file is known by its SHA-256."""

_HASH = re.compile(r" --hash=sha256:([0-9a-f]{64})(?= |$)")


class PinsError(Exception):
    """A line of a requirements file is no exact pin."""


@dataclass(frozen=True)
class Pin:
    """One version of one package, and the SHA-256 of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]
    requirement: Requirement

    @property
    def applies(self) -> bool:
        """Whether it is for this platform and this Python."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read(file: Path) -> list[Pin]:
    """The pins of one file.

    Raises PinsError naming the line that is anything else.
    """
    return [_pin(line, file.name) for line in _lines(file.read_text())]


def _lines(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        pinned = re.sub(r"(^|\s)#.*", "", line).strip()
        if pinned:
            yield pinned


def _pin(line: str, file: str) -> Pin:
    hashes = tuple(_HASH.findall(line))
    try:
        requirement = Requirement(_HASH.sub("", line))
    except InvalidRequirement as error:
        raise PinsError(f"{file}: not a requirement: {line[:80]}") from error
    exact = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
    if not exact or requirement.url or requirement.extras:
        raise PinsError(f"{file}: not `name==version`: {line[:80]}")
    return Pin(canonicalize_name(requirement.name), exact[1], hashes, requirement)
