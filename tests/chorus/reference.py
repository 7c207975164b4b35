"""The commands as docs/command-line.md shows them: `python -m tests.chorus.reference` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer.main

from chorus.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
MARKED = re.compile(r"<!-- command: (.+?) -->\n.*?<!-- /command -->", re.DOTALL)
HEAD = "| | variable | default | |\n|---|---|---|---|"


def commands() -> dict[str, Any]:
    """Every command and group, by the words that call it; the first is `chorus` itself."""
    return dict(_below("", typer.main.get_command(app)))


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield words, command
    for name, one in getattr(command, "commands", {}).items():
        yield from _below(f"{words} {name}".strip(), one)


def section(words: str, command: Any) -> str:
    """A command: what it does, examples, every option."""
    title, _, rest = command.epilog.strip().partition("\n")
    about = title.removeprefix("[bold]Example[/bold]: ")
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    return "\n\n".join(
        [
            f"## chorus {words}",
            "\n".join(line.strip() for line in command.help.strip().splitlines()),
            f"For example: {about}.",
            "\n".join(["<!-- block: shown -->", "```sh", *lines, "```"]),
            "\n".join(
                [HEAD, *(_row(option) for option in command.params if option.name != "help")]
            ),
        ]
    )


def page(text: str) -> str:
    """The page with every marked section as the command line has it now."""
    known = commands()

    def written(match: re.Match[str]) -> str:
        words = match.group(1)
        return f"<!-- command: {words} -->\n{section(words, known[words])}\n<!-- /command -->"

    return MARKED.sub(written, text)


def _row(option: Any) -> str:
    cells = (_name(option), _code(option.envvar), _default(option), option.help)
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _name(option: Any) -> str:
    if option.param_type_name == "argument":
        name = option.metavar or option.name.upper()
        return f"`{name}{'…' if option.nargs == -1 else ''}`"
    choices = "|".join(map(str, get_args(option.type_descriptor.annotation)))
    value = "" if option.is_flag else f" {option.metavar or choices}"
    return f"`{'/'.join([*option.opts, *option.secondary_opts])}{value}`"


def _default(option: Any) -> str:
    if isinstance(option.show_default, str):
        return option.show_default
    if option.required:
        return "needed"
    if getattr(option, "is_flag", False):
        return ""
    return "" if option.default in (None, "") else f"`{option.default}`"


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
