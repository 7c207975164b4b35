"""What a new user does who reads the README from its top, a line of it after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
READY = "curl -s"
"""The last thing that `make run` prints when everything is ready: a request to paste."""


@dataclass(frozen=True)
class Paste:
    """A command that ends; `expected` must be in what it prints."""

    line: str
    does: str
    expected: str


@dataclass(frozen=True)
class Serve:
    """A command that serves until Ctrl-C; done when it says so."""

    line: str
    does: str


@dataclass(frozen=True)
class Look:
    """A page that is opened, and a text that is typed there; `expected` must show."""

    url: str
    does: str
    text: str
    expected: str


@dataclass(frozen=True)
class Leave:
    """Ctrl-C on what serves; it must end, and say so."""

    does: str


Step = Paste | Serve | Look | Leave


def block(beginning: str) -> str:
    """The README's block of shell that begins so."""
    found = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    (only,) = [text for text in found if text.startswith(beginning)]
    return str(only).strip()


def line(beginning: str) -> str:
    """The line of the README's shell that begins so, without its comment."""
    found = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = {text for one in found for text in one.splitlines() if text.startswith(beginning)}
    (only,) = lines
    return str(only).partition("  #")[0].strip()


def steps() -> list[Step]:
    """All of them, in order."""
    return [
        Serve(line("make run  "), "set up .venv, start everything"),
        Look(
            "http://localhost:7860",
            "open the page, type a text, see five answers",
            "I love this movie",
            "POSITIVE",
        ),
        Paste(block("curl -s localhost:8000/process"), "ask for the five", "POSITIVE"),
        Paste(block("curl -s localhost:8000/models/cardiffnlp"), "ask one by its name", "positive"),
        Paste(block("curl -s localhost:8000/models\n"), "see what is there", "ivanlau"),
        Leave("stop it; what is in flight is answered"),
        Serve(line("make run  "), "start again"),
        Leave("stop it; what is in flight is answered"),
        Paste(
            line(".venv/bin/chorus train"), "train a classifier on 80 rows", "chorus serve --models"
        ),
        Serve(line('make run ARGS="--models ideas"'), "serve it"),
        Paste(line("curl -sG localhost:8000/classify"), "ask it", "label"),
        Leave("stop it; what is in flight is answered"),
        Serve(line('make run ARGS="--models tasks"'), "make 30 stand-ins, serve them"),
        Leave("stop it; what is in flight is answered"),
        Serve(line('make run ARGS="--models tasks"'), "start these again"),
        Leave("stop it; what is in flight is answered"),
    ]
