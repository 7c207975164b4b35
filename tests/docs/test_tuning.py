"""docs/tuning.md has no figure of its own, and names what there is to see."""

from __future__ import annotations

import re

import pytest
from tests.docs.blocks import ROOT
from tests.docs.checks import variables

PAGE = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## What to change")[2].splitlines()
    if line.startswith("| ") and not line.startswith("| change")
]
MEASURED = "".join(
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("benchmarks/RESULTS.md", "docs/experiments.md")
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_its_figures_were_measured(row: list[str]) -> None:
    for figure in re.findall(r"\d[\d.,]*\d|\d", row[2]):
        assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?!\d|[.,]\d)", MEASURED), figure


def test_what_it_sets_is_read_and_what_it_shows_is_counted() -> None:
    variables(re.findall(r"\bCHORUS_[A-Z_]+\b", PAGE))
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "runtimes").rglob("*.py")
    )
    for name in re.findall(r"\bchorus_[a-z]+_[a-z_]+\b", PAGE):
        assert name.removesuffix("_sum") in sources, name
