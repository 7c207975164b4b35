"""Which files a server opens, by Python's own account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# What Python imports before anything else.
_SCRIPT = """
import os, sys

_log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _note(event, args):
    if event in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove"):
        os.write(_log, (ascii(args[0]) + "\\n").encode())


sys.addaudithook(_note)
"""


@dataclass(frozen=True)
class Audit:
    """Notes every file that a process opens, in a folder of its own."""

    folder: Path

    def environment(self) -> dict[str, str]:
        """For the process."""
        script = _SCRIPT.format(log=str(self._log))
        (self.folder / "sitecustomize.py").write_text(script)
        return {"PYTHONPATH": str(self.folder)}

    def opened(self) -> list[str]:
        """Everything so far, as Python would write it down."""
        return self._log.read_text().splitlines()

    @property
    def _log(self) -> Path:
        return self.folder / "opened"
