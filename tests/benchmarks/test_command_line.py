"""The command line: every benchmark's help has an example that parses."""

import re
import shlex
import subprocess
import sys

import pytest
from benchmarks.__main__ import COMMANDS, main


def shown(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_benchmark() -> None:
    text = shown("--help")
    assert all(re.search(rf"^ +{name}\b", text, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_parses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = f"python -m benchmarks {name} {COMMANDS[name].example}"
    assert f"example: {example}" in shown(name, "--help")
    ran: list[object] = []

    def remember(options: object) -> int:
        ran.append(options)
        return 0

    monkeypatch.setattr(f"{COMMANDS[name].module}.run", remember)
    assert main(shlex.split(example)[3:]) == 0
    assert len(ran) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["overhead", "--clients", "0"],
        ["peers", "--seconds", "nan"],
        ["challenge", "--url", "http://example.org/process"],
        ["nothing"],
    ],
)
def test_nonsense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_an_unknown_peer_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["overhead", "--peers", "chorus,nobody"]) == 2
    assert "no peer is called nobody; known are chorus, stock" in capsys.readouterr().err
