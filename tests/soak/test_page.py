"""docs/reliability.md names tests, files and settings that exist."""

from __future__ import annotations

import re

import pytest
from tests.soak.subjects import ROOT

from chorus_gateway.settings import Settings
from mlserver_chorus.settings import RuntimeSettings

PAGE = ROOT / "docs" / "reliability.md"
TEXT = PAGE.read_text()
ROWS = dict(re.findall(r"^\| (T\d\d) \| (.*)$", TEXT, flags=re.MULTILINE))


def test_every_case_has_its_row() -> None:
    assert list(ROWS) == [f"T{number:02d}" for number in range(1, 49)]


@pytest.mark.parametrize("case", ROWS)
def test_the_test_of_a_case_is_where_the_row_says(case: str) -> None:
    files = re.findall(r"\]\((\.\./tests/[^)]+\.py)\)", ROWS[case])
    assert files
    for file in files:
        assert f"def test_{case.lower()}_" in (PAGE.parent / file).read_text(), file


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (PAGE.parent / link).exists(), link


def test_every_variable_is_a_setting() -> None:
    settings = RuntimeSettings.model_fields.keys() | Settings.model_fields.keys()
    variables = set(re.findall(r"CHORUS_([A-Z_]+)", TEXT))
    assert variables
    assert {variable.lower() for variable in variables} <= settings
