"""The table of files that share a server, against the files that are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.distribution import SHARING, unit_of

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("row", SHARING, ids=lambda row: row[0])
def test_a_row_is_of_files_that_are_there(row: tuple[str, ...]) -> None:
    found = [list(ROOT.glob(f"{start.rstrip('/')}*")) for start in row]
    assert all(found)


def test_a_unit_is_all_that_share_a_server_or_else_a_file() -> None:
    sharing = {"tests/live/test_a.py::test_1", "tests/reliability/test_t32_reload.py::test_2[x::y]"}
    assert {unit_of(test) for test in sharing} == {"tests/live/"}
    assert unit_of("tests/reliability/test_t32_pipelines.py::test_1").endswith("pipelines.py")
