"""What counts as quick, and what of a page that is played fails."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from tests.docs.blocks import Block
from tests.docs.playing import missing, play, quick
from tests.docs.reader import Reader


def block(text: str, language: str = "sh", mark: str = "", section: int = 1) -> Block:
    return Block("page.md", 7, section, language, text, mark, follows=True)


class Canned:
    """A reader whose shell prints the same whatever is pasted."""

    def __init__(self, printed: str) -> None:
        self.printed = printed
        self.pasted: list[str] = []
        self.saved: list[str] = []

    def paste(self, line: str) -> str:
        self.pasted.append(line.strip())
        return self.printed

    def python(self, program: str, interpreter: Path) -> str:
        return self.paste(program)

    def save(self, name: str, text: str) -> None:
        self.saved.append(name)


def played(blocks: list[Block], printed: str = "") -> Canned:
    reader = Canned(printed)
    play(blocks, cast(Reader, reader))
    return reader


ASK = block("curl -s localhost:8000/process")


def test_what_plain_make_run_answers_is_quick() -> None:
    assert quick([block("make run # first\n"), ASK]) == [block("make run # first\n"), ASK]


@pytest.mark.parametrize(
    "slow", ["make run ARGS='--models x'", "CHORUS_PORT=9 chorus serve", "chorus train a.csv"]
)
def test_what_comes_after_something_slow_is_slow_until_the_next_section(slow: str) -> None:
    later = block("curl -s localhost:8000/readyz", section=2)

    assert quick([ASK, block(slow), ASK, later]) == [ASK, later]


def test_a_program_that_imports_what_is_not_here_is_not_quick() -> None:
    program = block("import json\nimport frobnicate\n", "py")

    assert missing(program) == ["frobnicate"]
    assert quick([program]) == []


def test_lines_are_pasted_but_for_servers_and_what_is_only_read() -> None:
    reader = played([block("make run\nkubectl get pods\ncurl x\n"), block("curl y", mark="part")])

    assert reader.pasted == ["curl x"]


def test_files_are_saved() -> None:
    assert played([block("{}", "json", "file models/a.json")]).saved == ["models/a.json"]


def test_an_answer_that_is_not_the_one_shown_fails_and_says_where() -> None:
    shown = block('[{"label": "HAM"}]', "json")
    played([ASK, shown], '[{"label": "HAM"}]')

    with pytest.raises(AssertionError) as failure:
        played([ASK, shown], '[{"label": "SPAM"}]')
    assert failure.value.__notes__ == ["at page.md:7"]


def test_an_error_fails_whatever_is_shown() -> None:
    with pytest.raises(AssertionError, match="no such model"):
        played([ASK], '{"error": "no such model"}')


def test_a_block_that_nobody_ran_has_no_answer_to_compare() -> None:
    other = block("kubectl get pods")

    assert played([ASK, other, block('{"b": 2}', "json")], '{"a": 1}').pasted == [ASK.text]
