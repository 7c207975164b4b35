"""What can be said of a command without running it: its options, and the files that it names.

Each check gets the words of a command, the program's own first, and fails an assertion.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import typer
import yaml
from supply_chain import images
from tests.docs.blocks import ROOT

from chorus.cli import app
from chorus_gateway.settings import Settings
from mlserver_chorus.settings import RuntimeSettings

MODULES = {
    "audit": "supply_chain.audit",
    "bench": "benchmarks",
    "image": "supply_chain.images",
    "sbom": "supply_chain.sbom",
    "soak": "tests.soak",
}
"""What a verb of the Makefile passes ARGS to."""
PLACEHOLDER = re.compile(r"[A-Z]{2,}|.*…")


def nothing(words: list[str]) -> None:
    """For programs that are run, or are not ours."""


def variables(named: Iterable[str]) -> None:
    """Each of ours is read by somebody."""
    for name in named:
        assert not name.startswith("CHORUS_") or name in _settings(), f"nobody reads {name}"


def chorus(words: list[str]) -> None:
    """The command line itself takes these words."""
    command: Any = typer.main.get_command(app)
    words = words[1:]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"chorus has no command {words[0]}"
        command = command.commands[words.pop(0)]
    if "--help" not in words:
        command.make_context(command.name, words)


def make(words: list[str]) -> None:
    """The Makefile has the verb, and what it starts has the options."""
    for word in words[1:]:
        name, given, value = word.partition("=")
        if given and name == "ARGS":
            _arguments(words[1], shlex.split(value))
        elif not given:
            assert re.search(rf"(?m)^{re.escape(word)}:.*##", _makefile()), f"no verb {word}"


def module(words: list[str]) -> None:
    """`python -m MODULE …`: it has the options."""
    _options(words[2], words[3:])


def compose(words: list[str]) -> None:
    """The files, profiles and services are there."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    profiles = {profile for one in services.values() for profile in one.get("profiles", ())}
    rest = iter(words[2:])
    for word in rest:
        if word == "-f":
            assert (ROOT / next(rest)).is_file()
        elif word == "--profile":
            assert (name := next(rest)) in profiles, f"no profile {name}"
        elif not word.startswith("-"):
            assert word in {*services, "up", "run", "down", "pull"}, f"no service {word}"


def docker(words: list[str]) -> None:
    """An image of ours has this project's version, and is told what it understands."""
    for index, word in enumerate(words):
        name, _, tag = word.partition(":")
        if words[index - 1] == "-e":
            variables([word.partition("=")[0]])
        if tag and name in images.IMAGES.values():
            assert tag == images.version(), f"{word} is not of this version"
            if words[index + 1 : index + 2] == ["chorus"]:
                chorus(words[index + 1 :])
            break


def kubectl(words: list[str]) -> None:
    """Its flags are kubectl's; what runs in our pods is understood there."""
    if "--" in words:
        inner = words[words.index("--") + 1 :]
        words = words[: words.index("--")]
        if inner[0] == "chorus":
            chorus(inner)
    if shutil.which("kubectl"):
        known = _kubectl_help(_verb(words[1:]))
        for word in words[1:]:
            flag = word.partition("=")[0]
            if flag.startswith("-") and flag != "-":
                assert re.search(rf"(?<![\w-]){flag}(?![\w-])", known), f"kubectl has no {flag}"


def pip(words: list[str]) -> None:
    """The files and the extras are there."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for before, word in pairwise(words):
        if before == "-r":
            assert (ROOT / word).is_file(), f"no {word}"
        elif word.startswith(".["):
            assert set(word[2:-1].split(",")) <= set(extras), f"no extra of {word}"


def _arguments(verb: str, words: list[str]) -> None:
    if verb == "run":
        chorus(["chorus", "serve", *words])
    elif verb in MODULES:
        _options(MODULES[verb], words)


def _options(name: str, words: list[str]) -> None:
    """Those that begin with two dashes are in the module's help, or in its command's."""
    command = [word for word in words[:1] if name == "benchmarks" and word.isalpha()]
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("--"):
            assert f"{flag}" in _help(name, *command), f"python -m {name} has no {flag}"


@cache
def _help(name: str, *command: str) -> str:
    argv = [sys.executable, "-m", name, *command, "--help"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _verb(words: list[str]) -> tuple[str, ...]:
    """`rollout status` of `-n chorus rollout status deployment/chorus`."""
    taken: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in ("-n", "--namespace", "--context"):
            next(rest)
        elif not word.startswith("-"):
            taken.append(word)
    two = ("rollout", "config", "create", "set", "top", "auth")
    return tuple(taken[:2] if taken[0] in two else taken[:1])


@cache
def _kubectl_help(verb: tuple[str, ...]) -> str:
    pages = [("options",), (*verb, "--help")]
    if verb == ("create", "secret"):
        pages.append(("create", "secret", "generic", "--help"))
    said = [subprocess.check_output(["kubectl", *page], text=True, timeout=60) for page in pages]
    return "".join(said)


@cache
def _makefile() -> str:
    return (ROOT / "Makefile").read_text()


@cache
def _settings() -> frozenset[str]:
    fields = {*Settings.model_fields, *RuntimeSettings.model_fields}
    named = {f"CHORUS_{field.upper()}" for field in fields}
    for path in (ROOT / "runtimes").rglob("*.py"):
        named |= set(re.findall(r"\bCHORUS_[A-Z0-9_]+\b", path.read_text(encoding="utf-8")))
    return frozenset(named)
