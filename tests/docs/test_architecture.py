"""docs/architecture.md names files, and what is in them, that are there."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "architecture.md"
LINK = re.compile(r"\[`([^`]+)`\]\((\S+?)\)((?:,? `[^`]+`)*)")
STEPS = 9


def named() -> Iterator[tuple[str, str, str]]:
    """Each file of the page, its link, and a name that is in it, or nothing."""
    for shown, link, names in LINK.findall(PAGE.read_text(encoding="utf-8")):
        for name in re.findall(r"`([^`]+)`", names) or [""]:
            yield shown, link, name


@cache
def defined(path: Path) -> frozenset[str]:
    """The names of a module, `Class.method` too, also of what it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(_names(tree.body, ""))


def _names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{node.name}.")


@pytest.mark.parametrize(("shown", "link", "name"), [*named()])
def test_what_it_names_is_there(shown: str, link: str, name: str) -> None:
    path = (PAGE.parent / link).resolve()

    assert path == ROOT / "runtimes" / shown
    assert path.is_file()
    assert not name or name in defined(path)


def test_the_life_of_a_request_has_its_steps() -> None:
    steps = re.findall(r"^\| (\d) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert steps == [str(number) for number in range(1, STEPS + 1)]


def test_every_contract_is_on_the_page() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["name"] for one in project["tool"]["importlinter"]["contracts"]}
    section = PAGE.read_text(encoding="utf-8").partition("## Arrows")[2].partition("\n## ")[0]

    assert contracts == set(re.findall(r"^\| ([A-Z][^|]+?) \|", section, re.MULTILINE))


def test_the_picture_numbers_the_same_steps_and_fetches_nothing() -> None:
    picture = (PAGE.parent / "pictures" / "architecture.svg").read_text(encoding="utf-8")
    texts = [one for one in ElementTree.fromstring(picture).iter() if one.get("class") == "step"]

    assert [one.text for one in texts] == [str(number) for number in range(1, STEPS + 1)]
    assert not re.search(r"(?:href|src)=|url\((?!#)|@import|@font-face", picture)
    assert "prefers-color-scheme: dark" in picture
