"""docs/command-line.md is the command line as it is."""

from __future__ import annotations

from tests.chorus.reference import MARKED, PAGE, commands, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_it_says_what_the_help_says() -> None:
    assert page(TEXT) == TEXT, "python -m tests.chorus.reference writes it anew"


def test_it_has_every_command() -> None:
    assert [match.group(1) for match in MARKED.finditer(TEXT)] == [
        words for words, command in commands().items() if not hasattr(command, "commands")
    ]
