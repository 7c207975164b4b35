"""The Dockerfile and what reaches it, without building anything."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from supply_chain import images, project

from chorus_ui.settings import Settings as PageSettings

DOCKERFILE = images.ROOT / "Dockerfile"
# Joined as the builder reads them: a line for each instruction.
LINES = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text())).splitlines()
RUNTIMES = images.ROOT / "runtimes"
KEPT = [
    line
    for line in (images.ROOT / ".dockerignore").read_text().splitlines()
    if line and not line.startswith("#")
]
SECRET = re.compile(r"(^|[/._-])(secrets?|passwords?|keys?|tokens?)(\.|$)|\.(pem|env)$", re.I)


def sources() -> Iterator[str]:
    """What is copied from the project."""
    for line in LINES:
        if line.startswith("COPY ") and "--from=" not in line:
            yield from shlex.split(line)[1:-1]


def is_sent(path: str) -> bool:
    """Whether a file of the project reaches the build: the last line that matches decides."""
    sent = True
    for line in KEPT:
        pattern = line.removeprefix("!").removeprefix("**/")
        anywhere = line.startswith("**/")
        parents = [path, *map(str, Path(path).parents)]
        names = [Path(parent).name for parent in parents] if anywhere else parents
        if any(fnmatch(name, pattern) for name in names if name != "."):
            sent = line.startswith("!")
    return sent


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_say_so(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM python\nRUN sudo pip install torch\n")
    hadolint = Path(sys.executable).with_name("hadolint")
    assert subprocess.run([hadolint, wrong], capture_output=True, check=False).returncode == 1


def test_there_is_a_target_for_each_image() -> None:
    stages = {line.split()[-1] for line in LINES if line.startswith("FROM ")}
    assert images.IMAGES.keys() <= stages
    assert LINES[-1].startswith("LABEL ")
    assert [line for line in LINES if line.startswith("FROM ")][-1].endswith(" all")


def test_everything_that_is_copied_is_there_and_is_sent() -> None:
    found = [*sources()]
    assert len(found) > 10
    for source in found:
        assert (images.ROOT / source).exists(), source
        assert is_sent(source), source


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        ".bench/peers",
        ".peers/containers/graph",
        "tests/conftest.py",
        "keys.txt",
        "chorus.env",
        "requirements-dev.txt",
        "models/tasks/text-generation/standin/model.safetensors",
        "models/cardiffnlp/.making-1/model.safetensors",
        "runtimes/chorus/__pycache__/cli.cpython-311.pyc",
    ],
)
def test_what_does_not_belong_stays_out(path: str) -> None:
    assert not is_sent(path)


def test_nothing_that_is_sent_is_called_like_a_secret() -> None:
    command = ["git", "-C", str(images.ROOT), "ls-files"]
    files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    sent = [file for file in files if file and is_sent(file)]
    assert len(sent) > 100
    assert not [file for file in sent if SECRET.search(file) and not file.endswith(".py")]
    assert SECRET.search("settings/api-keys.txt")


def test_versions_are_said_once_more_and_agree() -> None:
    versions = re.findall(r'image\.version="([^"]+)"', DOCKERFILE.read_text())
    assert versions == [project.version()]


@pytest.mark.parametrize(
    ("target", "programs"),
    [
        ("gateway", ("chorus", "chorus_gateway")),
        ("runtime", ("chorus", "mlserver_chorus")),
    ],
)
def test_an_image_has_the_packages_that_its_programs_import(
    target: str, programs: tuple[str, ...]
) -> None:
    stage = DOCKERFILE.read_text().partition(f" AS {target}-package\n")[2].partition("\nFROM ")[0]
    copied = set(re.findall(r"COPY runtimes/(\w+) ", stage))
    waiting, needed = [*programs], set[str]()
    while waiting:
        package = waiting.pop()
        if package not in needed:
            needed.add(package)
            waiting += imported(package)
    assert copied == needed


def test_the_page_comes_with_the_image_of_all_alone() -> None:
    """With its packages, its port, and a word to `chorus serve`."""
    stages = re.split(r"(?m)^FROM .* AS ", DOCKERFILE.read_text())
    with_page = {stage.split("\n")[0] for stage in stages if "--from=page-dependencies" in stage}
    assert with_page == {"all"}
    last = stages[-1]
    assert "CHORUS_UI=true" in last
    assert f"EXPOSE {PageSettings().port} " in last


def imported(package: str) -> set[str]:
    """Which of our packages a package imports; not the servers that `chorus serve` starts."""
    ours = {folder.name for folder in RUNTIMES.iterdir() if (folder / "__init__.py").is_file()}
    found = set()
    for file in (RUNTIMES / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found & ours - {package}
