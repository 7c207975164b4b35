"""What the pages show is what happens: their quick blocks, at the session's own server.

Pages as a whole, with servers and trainings of their own: `tests/docs/test_pages.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.blocks import blocks, pages
from tests.docs.playing import play, quick, runs
from tests.docs.reader import Reader
from tests.docs.rules import ELSEWHERE

from .conftest import ROOT, Stack

QUICK = {page: quick(blocks(page)) for page in pages() if page not in ELSEWHERE}
WITH_CODE = [page for page, found in QUICK.items() if any(map(runs, found))]


@pytest.mark.parametrize("page", WITH_CODE)
def test_quick_blocks_work(stack: Stack, page: str, tmp_path: Path) -> None:
    play(QUICK[page], Reader(tmp_path, stack.ports))


def test_the_first_answer_of_the_readme_is_among_them() -> None:
    shown = [block for block in QUICK["README.md"] if block.language == "json" and block.follows]

    assert "cardiffnlp" in shown[0].text


def test_the_layout_names_what_is_there() -> None:
    layout = (ROOT / "README.md").read_text().partition("```\nruntimes/")[2].partition("```")[0]
    assert layout
    for name in re.findall(r"\b[\w./]+\.py\b", layout):
        assert any(list((ROOT / top).rglob(name)) for top in ("runtimes", "tests")), name


def test_every_model_is_named() -> None:
    for settings in ROOT.glob("models/*/model-settings.json"):
        assert settings.parent.name in (ROOT / "README.md").read_text()
