"""Every step of the tour is in the README, and the page takes the table."""

from __future__ import annotations

import re
from datetime import date

import pytest
from tests.tour import steps, table
from tests.tour.__main__ import PAGE
from tests.tour.steps import Leave, Paste, Serve
from tests.tour.table import Row


def test_what_is_pasted_stands_in_the_readme() -> None:
    readme = steps.README.read_text(encoding="utf-8")
    typed = [step.line for step in steps.steps() if isinstance(step, Paste | Serve)]
    assert len(typed) > 5
    assert [line for line in typed if line not in readme] == []


def test_what_is_started_is_ended_before_the_next_start() -> None:
    serving = False
    for step in steps.steps():
        if isinstance(step, Serve | Leave):
            assert serving == isinstance(step, Leave)
            serving = isinstance(step, Serve)
    assert not serving


def test_the_page_has_a_place_for_the_table() -> None:
    rows = [Row("make run", "start", 12.34), Row("Ctrl-C", "stop", 1.0)]
    page = table.written(PAGE.read_text(encoding="utf-8"), rows, date(2026, 1, 2))
    assert re.search(r"\| `make run` +\| start +\| +12.3 \|", page)
    assert re.search(r"\| \*\*all\*\* +\| +13.3 \|", page)
    assert page.count(table.BEGIN) == page.count("2026-01-02") == 1
    assert table.written(page, rows, date(2026, 1, 2)) == page


def test_a_page_without_a_place_is_told() -> None:
    with pytest.raises(ValueError, match="tour:table"):
        table.written("nothing", [], date(2026, 1, 2))
