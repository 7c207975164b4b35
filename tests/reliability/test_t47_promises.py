"""T47: what SECURITY.md promises names the tests that hold it, and they are there."""

from __future__ import annotations

import re

from tests.stack.conftest import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
PROMISES = re.findall(r"^\| .* \| .* \| (`.*) \|$", PAGE, flags=re.MULTILINE)


def test_t47_every_test_that_is_named_is_there() -> None:
    assert len(PROMISES) > 10
    for name in (name for row in PROMISES for name in re.findall(r"`([^`]+)`", row)):
        path = name if name.startswith("tests/") else f"tests/reliability/{name}"
        assert (ROOT / f"{path}.py").is_file(), name


def test_t47_every_case_of_the_surface_is_promised() -> None:
    files = (ROOT / "tests" / "reliability").glob("test_t[34][0-9]_*.py")
    cases = {file.name[5:8] for file in files} & {f"t{number}" for number in range(36, 48)}
    assert cases - set(re.findall(r"`test_(t\d\d)_", PAGE)) == set()


def test_t47_every_link_leads_somewhere() -> None:
    for page in (ROOT / "SECURITY.md", ROOT / "docs" / "security.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), link
