"""The peers' own virtual environments: pinned, and made again only when the pins change."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.peers import PEERS, environment
from benchmarks.peers.environment import Environment
from supply_chain.pins import SERVING, read

FOLDER = Path(environment.__file__).parent
FILES = sorted(FOLDER.glob("*-requirements.txt"))
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")
SHARED = {"transformers", "tokenizers", "numpy"}


def pins(file: Path) -> list[str]:
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_requirement_is_pinned_once(file: Path) -> None:
    assert [line for line in pins(file) if not PIN.fullmatch(line)] == []
    names = [line.partition("==")[0].lower() for line in pins(file)]
    assert len(set(names)) == len(names)
    assert names[0] == "torch"


@pytest.mark.parametrize(
    "file", [file for file in FILES if "stock" not in file.name], ids=lambda file: file.name
)
def test_peers_compute_with_what_chorus_computes_with(file: Path) -> None:
    # The stock server cannot: it needs a transformers of its time.
    ours = {f"{pin.name}=={pin.version}" for pin in read(SERVING) if pin.name in SHARED}
    assert len(ours) == len(SHARED)
    assert ours <= set(pins(file))
    assert pins(file)[0] == "torch==2.13.0"


class Pip:
    """Stands in for the commands: notes them and makes the folder, as `venv` would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[list[str]] = []
        self.fails = False

    def run(self, command: list[str], *, check: bool) -> None:
        assert check
        self.commands.append(command)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.fails:
            raise subprocess.CalledProcessError(1, command)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Environment, Pip]:
    one = Environment("one")
    one.folder = tmp_path / "one"
    one.requirements = tmp_path / "one-requirements.txt"
    one.requirements.write_text("# a comment\ntorch==2.13.0\nidna==3.20\n")
    pip = Pip(one.folder)
    monkeypatch.setattr("benchmarks.peers.environment.subprocess.run", pip.run)
    monkeypatch.setattr("benchmarks.peers.environment.PYTHONS", (sys.version_info[:2],))
    return one, pip


def test_torch_comes_first_and_alone(made: tuple[Environment, Pip]) -> None:
    one, pip = made
    one.prepare()
    venv, torch, rest = pip.commands
    assert venv[-2:] == ["venv", str(one.folder)]
    assert torch[-1] == "torch==2.13.0"
    assert "--no-deps" not in torch
    assert rest[-3:] == ["--no-deps", "--requirement", str(one.requirements)]
    assert {command[0] for command in (torch, rest)} == {one.command("python")}


def test_it_is_made_once_and_again_when_the_pins_change(made: tuple[Environment, Pip]) -> None:
    one, pip = made
    one.prepare()
    one.prepare()
    assert len(pip.commands) == 3
    (one.folder / "old").touch()
    one.requirements.write_text("torch==2.13.0\n")
    one.prepare()
    assert len(pip.commands) == 6
    assert not (one.folder / "old").exists()


def test_one_that_failed_is_not_taken_for_made(made: tuple[Environment, Pip]) -> None:
    one, pip = made
    pip.fails = True
    with pytest.raises(subprocess.CalledProcessError):
        one.prepare()
    pip.fails = False
    one.prepare()
    assert len(pip.commands) == 4


def test_a_python_without_wheels_is_refused_before_anything_is_removed(
    made: tuple[Environment, Pip], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, pip = made
    monkeypatch.setattr("benchmarks.peers.environment.PYTHONS", ((2, 7),))
    one.folder.mkdir()
    with pytest.raises(RuntimeError, match=r"need Python 3\.11 or 3\.12"):
        one.prepare()
    assert one.folder.is_dir()
    assert pip.commands == []


def test_every_requirements_file_is_some_peers_environment() -> None:
    named = {getattr(peer, "environment", None) for peer in PEERS.values()}
    assert {file.name for file in FILES} == {one.requirements.name for one in named if one}
