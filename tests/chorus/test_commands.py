"""What holds of every command: its help has an example that parses, its refusal is one line."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.chorus.reference import commands
from typer.testing import CliRunner

from chorus.cli import app

REPOSITORY = Path(__file__).parents[2]
ORDER = ["serve", "models", "pull", "train", "bench", "servers", "keys"]
AS_JSON = {"models", "pull", "train", "bench", "servers", "keys list"}
SUMMARY_CHARACTERS = 66  # what a terminal of 80 columns shows on one line


ALL = commands()
each = pytest.mark.parametrize("words", ALL, ids=lambda words: words or "chorus")


def examples(command: Any) -> list[str]:
    """The lines of its help that call `chorus`, without the shell's around them."""
    lines = (line.strip() for line in (command.epilog or "").splitlines())
    calls = (re.search(r"(?:^|\(| )(chorus(?: [^)|>]+)?)", line) for line in lines)
    return [call.group(1).strip() for call in calls if call]


def parse(argv: list[str], command: Any, parent: Any = None) -> None:
    """Parse as the command line does, and run nothing."""
    with command.make_context(argv[0], argv[1:], parent=parent) as context:
        rest = [*context._protected_args, *context.args]
        if hasattr(command, "commands"):
            name, chosen, left = command.resolve_command(context, rest)
            parse([name, *left], chosen, context)


@each
def test_help_has_an_example_that_parses(words: str) -> None:
    found = examples(ALL[words])
    assert found, "no example"
    text = CliRunner().invoke(app, [*words.split(), "--help"], env={"COLUMNS": "200"}).stdout
    for example in found:
        assert example in text
        parse(shlex.split(example), ALL[""])
    assert any(example.startswith(f"chorus {words}".strip()) for example in found)


@pytest.mark.parametrize("words", [words for words in ALL if words])
def test_the_summary_is_one_line(words: str) -> None:
    summary = (ALL[words].help or "").partition("\n\n")[0]
    assert 0 < len(summary) <= SUMMARY_CHARACTERS
    assert "\n" not in summary
    assert summary.endswith(".")


@each
def test_an_unknown_option_is_refused_in_one_line(words: str) -> None:
    result = CliRunner().invoke(app, [*words.split(), "--no-such-option"], prog_name="chorus")
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    called = f"chorus {words}".strip()
    assert line.startswith("chorus: no such option: --no-such-option")
    assert line.endswith(f"; see `{called} --help`")


@each
def test_every_option_says_what_it_is_for(words: str) -> None:
    for option in ALL[words].params:
        assert option.help, option.name
        assert option.help[0].isupper() or option.help[0] in ".a", option.help


@pytest.mark.parametrize("words", sorted(AS_JSON))
def test_what_a_script_would_read_is_had_as_json(words: str) -> None:
    assert "--json" in {name for option in ALL[words].params for name in option.opts}


def test_the_commands_are_in_an_order_and_help_is_what_alone_shows() -> None:
    shown = CliRunner().invoke(app, [], prog_name="chorus")
    helped = CliRunner().invoke(app, ["--help"], prog_name="chorus")
    assert (shown.exit_code, shown.stdout) == (0, helped.stdout)
    assert re.findall(r"^│ ([a-z]+) ", helped.stdout, re.MULTILINE) == ORDER


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["srve"], "no such command 'srve'. Did you mean 'serve', 'servers'? See `chorus --help`"),
        (["keys", "lst"], "no such command 'lst'. Did you mean 'list'? See `chorus keys --help`"),
        (["models", "--jsn"], "no such option: --jsn (Possible options: --json); see `chorus "),
        (["serve", "--port", "0"], "invalid value for '--port'"),
        (["train"], "missing argument 'FILE'; see `chorus train --help`"),
        (["bench", "a", "b\nc"], r"got unexpected extra argument(s) (b\x0ac); see `chorus bench"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(argv: list[str], line: str) -> None:
    result = CliRunner().invoke(app, argv, prog_name="chorus")
    assert result.exit_code == 2
    (said,) = result.stderr.splitlines()
    assert said.startswith(f"chorus: {line}")


def test_a_variable_is_named_where_its_value_is_wrong() -> None:
    result = CliRunner().invoke(app, ["serve"], env={"CHORUS_PORT": "x"}, prog_name="chorus")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "CHORUS_PORT" in line


def run(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment)


def test_the_module_and_the_script_are_the_same() -> None:
    script = str(Path(sys.executable).with_name("chorus"))
    by_name, by_module = run(script, "srve"), run(sys.executable, "-m", "chorus", "srve")
    assert by_name.stderr == by_module.stderr != ""
    assert by_name.returncode == by_module.returncode == 2


def on_terminal(*argv: str, **variables: str) -> str:
    """What a command prints where it is read by a person."""
    reader, writer = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CI")}
    environment |= {"TERM": "xterm-256color", **variables}
    process = subprocess.Popen(argv, stdout=writer, stderr=writer, env=environment)
    os.close(writer)
    shown = b""
    try:
        while part := os.read(reader, 65536):
            shown += part
    except OSError:  # how Linux says that nobody writes any more
        pass
    finally:
        os.close(reader)
        process.wait(60)
    return shown.decode()


COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-9]|4[0-9]|9[0-9])(?:;[0-9]+)*m")


def test_colours_are_for_terminals_that_want_them() -> None:
    argv = (sys.executable, "-m", "chorus", "models", "--models-dir", str(REPOSITORY / "models"))
    assert COLOUR.search(on_terminal(*argv))
    assert not COLOUR.search(on_terminal(*argv, NO_COLOR="1"))
    piped = run(*argv)
    assert piped.returncode == 0
    assert "\x1b" not in piped.stdout + piped.stderr


def test_those_of_help_too() -> None:
    argv = (sys.executable, "-m", "chorus", "--help")
    assert COLOUR.search(on_terminal(*argv))
    assert not COLOUR.search(on_terminal(*argv, NO_COLOR="1"))


def test_a_shell_can_complete_the_commands() -> None:
    asked = {"_CHORUS_COMPLETE": "complete_bash", "COMP_WORDS": "chorus ", "COMP_CWORD": "1"}
    completed = run(str(Path(sys.executable).with_name("chorus")), **asked)
    assert completed.stdout.split() == ORDER
