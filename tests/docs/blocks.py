"""The fenced blocks of the pages, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^\s*```(\w*)\s*$")
HEADING = re.compile(r"^##? ")
MARK = re.compile(r"^\s*<!-- block: (.+?) -->\s*$")
SHELL = ("sh", "bash", "console")
PYTHON = ("py", "python")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    """Its path from the root."""
    line: int
    """Of the opening fence."""
    section: int
    """How many headings of the first two levels are above it."""
    language: str
    text: str
    mark: str
    """What the comment directly above says of it: `shown`, `part`, `file PATH`, or nothing."""
    follows: bool
    """Whether nothing but blank lines is between it and the block before."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_shell(self) -> bool:
        """Whether a reader pastes it into a terminal."""
        return self.language in SHELL and not self.mark

    @property
    def is_program(self) -> bool:
        """Whether a reader runs it with Python."""
        return self.language in PYTHON and not self.mark

    @property
    def file(self) -> str:
        """The file whose content this is, from the root; empty where it is none."""
        if self.mark.startswith("file "):
            return self.mark.removeprefix("file ")
        first = re.match(r"# (\S+/\S+\.\w+)\n", self.text)
        return first[1] if first else ""


def pages() -> list[str]:
    """Every page that people read: those at the top, of docs, and the how-tos beside the code."""
    found = {*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "models/ADDING.md"}
    found |= set(ROOT.glob("runtimes/**/ADDING.md"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def blocks(page: str) -> list[Block]:
    """The blocks of a page."""
    return list(_read(page, (ROOT / page).read_text(encoding="utf-8").splitlines()))


def _read(page: str, lines: list[str]) -> list[Block]:
    found: list[Block] = []
    section, mark, follows, start = 0, "", False, None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if start is not None:
            if not fence:
                continue
            language = FENCE.match(lines[start])
            text = dedent("\n".join(lines[start + 1 : number])) + "\n"
            assert language
            found.append(Block(page, start + 1, section, language[1], text, mark, follows))
            start, mark, follows = None, "", True
        elif fence:
            start = number
        elif said := MARK.match(line):
            mark = said[1]
        elif line.strip():
            section += bool(HEADING.match(line))
            mark, follows = "", False
    assert start is None, f"{page}:{(start or 0) + 1}: a block that nobody closes"
    return found
