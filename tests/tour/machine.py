"""An empty machine: a Debian with Python, make, git and curl, and no more, in a container."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import pip_settings
from tests.cluster.containers import Container, Engine
from tests.tour.steps import ROOT

PACKAGES = "python3,python3-venv,make,git,curl,ca-certificates"
IMAGE = "localhost/newcomer:bookworm"
HOME = "/root/chorus"


@contextmanager
def empty_machine() -> Iterator[Machine]:
    """One that shares this machine's network and cores; gone when this closes."""
    engine = Engine()
    try:
        engine.debian(IMAGE, PACKAGES)
        with pip_settings.for_a_container(engine.folder / "build") as options:
            source = f"--volume={ROOT}:/source:ro"
            run = ("--network=host", source, *options)
            yield Machine(engine.run(IMAGE, "sleep", "infinity", options=run))
    finally:
        engine.close()


class Machine:
    """Where the user sits."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def clone(self) -> None:
        """Have the repository, as committed."""
        self._container.exec("git", "config", "--global", "safe.directory", "*").check_returncode()
        self._container.exec("git", "clone", "--quiet", "/source", HOME).check_returncode()

    def paste(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run it in the checkout, to its end."""
        return self._container.exec("bash", "-c", f"cd {HOME} && {text}")

    def start(self, text: str) -> subprocess.Popen[str]:
        """Run it in the checkout as the leader of a group, whose number `interrupt` finds."""
        leader = f"cd {HOME} && echo $$ > /tmp/leader && exec {text}"
        return subprocess.Popen(
            ["podman", "exec", self._container.id, "setsid", "--wait", "bash", "-c", leader],
            env=self._container.engine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def interrupt(self) -> None:
        """Ctrl-C on what was started: its whole group hears it."""
        self.paste(
            shlex.join(["bash", "-c", "kill -INT -- -$(cat /tmp/leader)"])
        ).check_returncode()
