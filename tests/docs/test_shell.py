"""Lines and commands of shell blocks, as a reader's terminal takes them."""

from __future__ import annotations

import pytest
from tests.docs.shell import Command, lines


def commands(block: str) -> list[list[Command]]:
    return [line.commands for line in lines(block)]


def words(block: str) -> list[list[str]]:
    return [command.words for line in commands(block) for command in line]


def test_a_line_reaches_as_far_as_its_quotes_and_backslashes() -> None:
    block = "curl -s \\\n  localhost --data '{\"a\":\n 1}'\nmake run\n"

    assert words(block) == [["curl", "-s", "localhost", "--data", '{"a":\n 1}'], ["make", "run"]]


def test_comments_and_blank_lines_are_nothing() -> None:
    assert words("\n# alone\nmake check   # the first half\n") == [["make", "check"]]


def test_every_command_of_a_line_is_found() -> None:
    block = "make image && kind load x; printf a | docker build -f - . > log 2> errors"

    assert [one[0] for one in words(block)] == ["make", "kind", "printf", "docker"]
    assert words(block)[-1] == ["docker", "build", "-f", "-", ".", "2"]


def test_variables_belong_to_their_command() -> None:
    assert commands("CHORUS_PORT=9 A=b chorus serve") == [
        [Command({"CHORUS_PORT": "9", "A": "b"}, ["chorus", "serve"])]
    ]


def test_a_variable_that_a_command_fills() -> None:
    block = 'KEY=$(chorus keys new shop --file keys.txt)\ncurl -H "bearer $KEY" x'

    assert [one[0] for one in words(block)] == ["chorus", "curl"]


def test_a_quote_that_nobody_closes() -> None:
    with pytest.raises(ValueError, match="not closed"):
        lines("curl 'x\n")
