"""A shell block as a reader pastes it: line by line, each of one command or several."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Command:
    """One program with its words."""

    variables: dict[str, str]
    """What is set for it alone."""
    words: list[str]


@dataclass(frozen=True)
class Line:
    """What is pasted at once: with all that its quotes and backslashes reach."""

    text: str
    commands: list[Command]


def lines(block: str) -> list[Line]:
    """The lines of a block. Raises ValueError for a quote that nobody closes."""
    return [Line(text, list(_commands(text))) for text in _joined(block) if _words(text)]


def _joined(block: str) -> Iterator[str]:
    text = ""
    for line in block.splitlines():
        text += line + "\n"
        if not line.rstrip().endswith("\\") and _closed(text):
            yield text
            text = ""
    if text:
        raise ValueError(f"not closed: {text}")


def _closed(text: str) -> bool:
    try:
        _words(text)
    except ValueError:
        return False
    return True


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _commands(text: str) -> Iterator[Command]:
    words: list[str] = []
    for word in [*_words(text), ";"]:
        if word and set(word) <= set(";|&()"):
            if command := _command(words):
                yield command
            words = []
        else:
            words.append(word)


def _command(words: list[str]) -> Command | None:
    variables: dict[str, str] = {}
    while words and ASSIGNMENT.match(words[0]):
        name, _, value = words[0].partition("=")
        variables[name] = value
        words = words[1:]
    if "$" in variables.values():  # of NAME=$(…): what is within is a command of its own
        variables = {}
    kept: list[str] = []
    redirected = False
    for word in words:
        if set(word) <= {"<", ">"}:
            redirected = True
        elif redirected:
            redirected = False
        else:
            kept.append(word)
    return Command(variables, kept) if kept else None
