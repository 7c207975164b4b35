"""Build the container images: `make image`. Nothing beyond Python is needed for it.

Options that are not listed go to the engine, written --option=value.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = {"runtime": "chorus-runtime", "gateway": "chorus-gateway", "all": "chorus"}
"""The Dockerfile's targets, and what the images are called."""


class NoEngine(Exception):
    """Nothing here builds images; the text says what would."""


@dataclass(frozen=True)
class Engine:
    """A program that builds images, and how it is asked."""

    name: str
    works: tuple[str, ...]
    """Fails where the engine is installed and cannot be used, as docker without its daemon."""
    build: tuple[str, ...]
    size: tuple[str, ...]

    def is_usable(self) -> bool:
        """Whether it is there, and does something."""
        return bool(shutil.which(self.name)) and not _call(self.name, *self.works).returncode


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("docker", ("info",), ("build",), ("image", "inspect", "--format={{.Size}}")),
        # In Docker's format: OCI's has no HEALTHCHECK.
        Engine(
            "podman",
            ("--version",),
            ("build", "--format=docker"),
            ("image", "inspect", "--format={{.Size}}"),
        ),
        Engine(
            "buildah",
            ("--version",),
            ("build", "--format=docker", "--layers"),
            ("images", "--noheading", "--format={{.Size}}"),
        ),
    )
}


def main(arguments: Sequence[str]) -> None:
    """Build what is asked for, and say what it is called and how large it is."""
    chosen, further = _parser().parse_known_args(arguments)
    try:
        engine = find(chosen.engine)
    except NoEngine as error:
        sys.exit(f"image: {error}")
    built = {target: name(target, chosen.tag) for target in chosen.targets or IMAGES}
    for target, full_name in built.items():
        if code := build(engine, target, full_name, [*_options(chosen), *further]):
            sys.exit(code)
    for full_name in built.values():
        sys.stdout.write(f"{full_name}: {size(engine, full_name)}, by {engine.name}\n")


def find(wanted: str | None = None) -> Engine:
    """The engine of this name, or the first that can be used. Raises NoEngine."""
    candidates = [ENGINES[wanted]] if wanted else [*ENGINES.values()]
    for engine in candidates:
        if engine.is_usable():
            return engine
    if wanted:
        raise NoEngine(f"{wanted} is not installed, or its daemon cannot be reached")
    raise NoEngine(f"one of {', '.join(ENGINES)} is needed, and none can be used here")


def name(target: str, tag: str | None = None) -> str:
    """What the image of a target is called; tagged with the version of Chorus by default."""
    return f"{IMAGES[target]}:{tag or version()}"


def version() -> str:
    """Of Chorus."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def build(
    engine: Engine,
    target: str,
    full_name: str,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> int:
    """Build one target, showing what the engine says; its exit code."""
    command = [engine.name, *engine.build, "--target", target, "--tag", full_name]
    command += [*_revision(), *options, str(ROOT)]
    env = {**os.environ, "DOCKER_BUILDKIT": "1", **(environment or {})}
    return subprocess.run(command, env=env, check=False).returncode  # noqa: S603


def size(engine: Engine, full_name: str) -> str:
    """How large the image is when unpacked, for people."""
    told, _, _ = _call(engine.name, *engine.size, full_name).stdout.strip().partition("\n")
    return f"{int(told) / 1e6:,.0f} MB" if told.isdigit() else told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make image ARGS=…",
        usage="make image [ARGS=…]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "targets", nargs="*", metavar="|".join(IMAGES), type=_target, help="default: all three"
    )
    parser.add_argument("--engine", choices=ENGINES, help="default: the first that can be used")
    parser.add_argument("--tag", help="default: the version of Chorus")
    parser.add_argument("--base", metavar="IMAGE", help="what to build on [python:3.11-slim]")
    parser.add_argument(
        "--torch-index",
        metavar="URL",
        help="where torch comes from: https://download.pytorch.org/whl/cpu for CPUs alone",
    )
    parser.add_argument("--pip-conf", metavar="FILE", help="pip's settings, a secret of the build")
    parser.add_argument(
        "--ca", metavar="FILE", help="certificates, of which pip.conf says cert = /run/secrets/ca"
    )
    return parser


def _target(text: str) -> str:
    if text not in IMAGES:
        raise argparse.ArgumentTypeError(f"there is no image {text}; choose {', '.join(IMAGES)}")
    return text


def _options(chosen: argparse.Namespace) -> list[str]:
    given = {
        "--build-arg=BASE_IMAGE=": chosen.base,
        "--build-arg=TORCH_INDEX=": chosen.torch_index,
        "--secret=id=pip,src=": chosen.pip_conf,
        "--secret=id=ca,src=": chosen.ca,
    }
    return [option + value for option, value in given.items() if value]


def _revision() -> list[str]:
    """The commit, where all that is built is committed."""
    git = ("git", "-C", str(ROOT))
    if not shutil.which("git") or _call(*git, "status", "--porcelain").stdout.strip():
        return []
    commit = _call(*git, "rev-parse", "HEAD")
    return [] if commit.returncode else ["--build-arg", f"REVISION={commit.stdout.strip()}"]


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


if __name__ == "__main__":
    main(sys.argv[1:])
