"""`make image`: which engine is chosen, and what it is told. Real builds are in tests/cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from supply_chain import images

Install = Callable[[str, str], None]


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def install(bin_folder: Path) -> Install:
    """Put a program there that writes down how it is called."""

    def write(name: str, script: str) -> None:
        program = bin_folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {bin_folder}/calls\n{script}\n')
        program.chmod(0o755)

    return write


def make_image(bin_folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`make image` where nothing else is installed but a shell."""
    return subprocess.run(
        [sys.executable, "-m", "supply_chain.images", *arguments],
        cwd=images.ROOT,
        env={**os.environ, "PATH": str(bin_folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def calls(bin_folder: Path) -> list[str]:
    return (bin_folder / "calls").read_text().splitlines()


def test_without_an_engine_it_says_what_is_needed(bin_folder: Path) -> None:
    done = make_image(bin_folder)
    assert (done.returncode, done.stdout) == (1, "")
    needed = "one of docker, podman, buildah is needed, and none can be used here"
    assert done.stderr == f"image: {needed}\n"


def test_docker_without_its_daemon_is_passed_over(bin_folder: Path, install: Install) -> None:
    install("docker", "exit 1")
    install("podman", 'if [ "$1" = image ]; then echo 508000000; fi')
    done = make_image(bin_folder, "gateway")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"chorus-gateway:{images.version()}: 508 MB, by podman\n"


def test_docker_that_was_asked_for_is_not(bin_folder: Path, install: Install) -> None:
    install("docker", "exit 1")
    install("podman", "")
    done = make_image(bin_folder, "--engine=docker")
    assert done.returncode == 1
    assert done.stderr == "image: docker is not installed, or its daemon cannot be reached\n"


def test_what_the_engine_is_told(bin_folder: Path, install: Install) -> None:
    install("docker", "")
    done = make_image(
        bin_folder,
        *("runtime", "--tag=next", "--base=example.org/python:3.12", "--no-cache"),
        *("--torch-index=https://example.org/cpu", "--pip-conf=pip.conf", "--ca=ca.pem"),
    )
    assert done.returncode == 0, done.stderr
    _, build, _ = calls(bin_folder)
    assert build == " ".join(
        [
            "docker build --target runtime --tag chorus-runtime:next",
            "--build-arg=BASE_IMAGE=example.org/python:3.12",
            "--build-arg=TORCH_INDEX=https://example.org/cpu",
            "--secret=id=pip,src=pip.conf --secret=id=ca,src=ca.pem",
            f"--no-cache {images.ROOT}",
        ]
    )


def test_all_three_are_built_and_the_first_that_fails_ends_it(
    bin_folder: Path, install: Install
) -> None:
    install("docker", 'case "$*" in *"--target gateway"*) exit 3;; esac')
    assert make_image(bin_folder).returncode == 3
    assert [call.split()[3] for call in calls(bin_folder)[1:]] == ["runtime", "gateway"]


def test_a_target_that_is_none_is_refused(bin_folder: Path) -> None:
    done = make_image(bin_folder, "gatway")
    assert done.returncode == 2
    assert "there is no image gatway; choose runtime, gateway, all" in done.stderr
