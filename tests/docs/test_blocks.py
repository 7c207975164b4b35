"""Every block of every page is claimed: run by a test, or read as far as it can be."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs import checks
from tests.docs.blocks import PYTHON, ROOT, SHELL, Block, blocks, pages
from tests.docs.rules import ELSEWHERE, RULES, rule_of
from tests.docs.shell import Line, lines

BLOCKS = [block for page in pages() for block in blocks(page)]
SHELLS = [block for block in BLOCKS if block.language in SHELL]
PARSERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "toml": tomllib.loads,
    "py": ast.parse,
    "python": ast.parse,
    "diff": lambda text: [line for line in text.splitlines() if line[0] not in "+- @"] and 1 / 0,
}
MARKS = ("", "shown", "part", "file")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_it_is_what_somebody_runs_or_reads(block: Block) -> None:
    assert block.language in ("", *SHELL, *PARSERS), "no test knows this language"
    assert block.mark.partition(" ")[0] in MARKS, "see tests/docs/blocks.py for what it may say"
    if block.language in PARSERS:
        text = f"{{{block.text}}}" if block.mark == "part" and block.language == "json" else None
        PARSERS[block.language](text or block.text)


@pytest.mark.parametrize("block", [one for one in BLOCKS if not one.language], ids=str)
def test_what_has_no_language_has_no_command(block: Block) -> None:
    programs = {rule.words.split()[0] for rule in RULES} - {"chorus"}
    starts = {line.split()[0] for line in block.text.splitlines() if line.strip()}

    assert not starts & (programs | {"$", "chorus serve"}), "it is sh: somebody should run it"


@pytest.mark.parametrize("block", SHELLS, ids=str)
def test_a_shell_reads_it(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", SHELLS, ids=str)
def test_every_command_has_a_rule_and_is_right(
    block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    commands = [command for line in lines(block.text) for command in line.commands]
    for command in commands:
        rule = rule_of(command)
        assert rule, f"a row for `{command.words[0]}` is missing in tests/docs/rules.py"
        checks.variables(command.variables)
        rule.check(command.words)
    if not shutil.which("kubectl") and any(one.words[0] == "kubectl" for one in commands):
        pytest.skip("kubectl is missing: what it would be told is not checked")


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language in PYTHON], ids=str)
def test_settings_that_a_program_names_are_read(block: Block) -> None:
    compile(block.text, str(block), "exec")


def test_pages_with_a_test_of_their_own() -> None:
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(), f"{test} does not hold {page}"


def test_what_nobody_runs_has_a_reason() -> None:
    assert [rule for rule in RULES if not (rule.why or rule.how.name != "READ")] == []
    assert [
        words for words, count in Counter(rule.words for rule in RULES).items() if count > 1
    ] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "chorus serve --modles cardiffnlp",
        "chorus sreve",
        "make rnu",
        "make run ARGS='--modles x'",
        "make bench ARGS='peers --repaets 3'",
        "docker run chorus:0.0.9",
        "docker run chorus:0.1.0 chorus serve --hots x",
        "docker compose --profile nobody up",
        "pip install -r requirements-nobody.txt",
        "pip install -e '.[nobody]'",
        "CHORUS_MODLES=x chorus serve",
    ],
)
def test_a_slip_would_be_seen(wrong: str) -> None:
    (line,) = lines(wrong)

    with pytest.raises(Exception, match=r"\S"):
        _check(line)


def test_a_program_that_nobody_knows_would_be_seen() -> None:
    (line,) = lines("KEY=$(frobnicate --all) && curl -s localhost:8000 # as ever")

    assert [rule_of(command) and rule_of(command).words for command in line.commands] == [  # type: ignore[union-attr]
        None,
        "curl",
    ]


def _check(line: Line) -> None:
    for command in line.commands:
        rule = rule_of(command)
        assert rule
        checks.variables(command.variables)
        rule.check(command.words)
