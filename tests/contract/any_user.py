"""A server of a user that the machine does not know, who may write nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import Ports, Runtime

UID = 12345
# Of root's rights, reading is left: on the machine that runs the tests, Python itself may be in a
# folder that is closed to others.
READING = "-all,+dac_read_search"


class Unprivileged(Runtime):
    """A process without a home, a name and a folder to write to but the temporary one."""

    def __init__(self, folder: Path, ports: Ports, environment: dict[str, str]) -> None:
        self.ports = ports
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        closed = folder / "closed"
        closed.mkdir(mode=0o555)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        with self._stdout.open("w") as out, self._stderr.open("w") as err:
            self.process = subprocess.Popen(
                [*_as_another_user(), sys.executable, "-m", "mlserver_chorus.server"],
                cwd=closed,
                env=kept | {"HF_HUB_OFFLINE": "1"} | ports.environment() | environment,
                stdout=out,
                stderr=err,
            )


def missing() -> str:
    """Why this machine cannot run somebody else's server; empty where it can."""
    if os.geteuid() == 0 and shutil.which("setpriv"):
        return ""
    return "root and setpriv (util-linux) are missing, which another user's server needs"


def _as_another_user() -> list[str]:
    """The start of a command line."""
    ids = ["--reuid", str(UID), "--regid", "0", "--clear-groups", "--no-new-privs"]
    return ["setpriv", *ids, "--inh-caps", READING, "--ambient-caps", READING]
