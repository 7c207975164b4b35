"""What a page points to in this project is there, down to the heading."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from PIL import Image
from tests.docs.blocks import ROOT, pages

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
CODE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)


def targets(page: str) -> list[str]:
    text = CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    found = [first or second for first, second in LINK.findall(text)]
    return [one for one in found if not re.match(r"[a-z]+:", one)]


@cache
def anchors(path: Path) -> frozenset[str]:
    """The headings as GitHub names them."""
    text = CODE.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"(?m)^#+ (.+?)\s*$", text)
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


@pytest.mark.parametrize("page", pages())
def test_what_it_points_to_is_there(page: str) -> None:
    missing = []
    for target in targets(page):
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            missing.append(target)

    assert missing == []


def test_the_index_has_every_page() -> None:
    index = {(ROOT / "docs" / target).resolve() for target in targets("docs/README.md")}
    here = {ROOT / page for page in pages() if page.startswith("docs/")}

    assert here - index == {ROOT / "docs" / "README.md"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "pictures").glob("*.png")), ids=lambda path: path.name
)
def test_a_picture_is_sharp_and_quickly_loaded(path: Path) -> None:
    with Image.open(path) as picture:
        assert picture.width == 2400
    assert path.stat().st_size < 300_000
