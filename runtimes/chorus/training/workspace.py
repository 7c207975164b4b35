"""Where a run keeps what it needs to go on, until its model is done."""

import fcntl
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import torch

from chorus.errors import UsageError

FOLDER = ".training"
"""In the models folder, one deeper than models are looked for."""
_LOCK = "lock"


class Workspace(AbstractContextManager["Workspace"]):
    """The folder of one name's run; one process at a time. Raises UsageError for a second."""

    def __init__(self, into: Path, name: str) -> None:
        self.name = name
        self.folder = into / FOLDER / name
        self._state = self.folder / "state.pt"
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / _LOCK).open("w")
        except OSError as error:
            raise UsageError(
                f"the models folder cannot be written: {error.strerror}; choose another with --into"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise UsageError(
                f"{self.name} is being trained by another chorus train; wait, or choose --name"
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.folder.exists() and not self._state.exists():
            self.done()  # nothing to go on from
        if self._lock:
            self._lock.close()

    def forget(self) -> None:
        """Throw away what an earlier run has left."""
        for path in self.folder.iterdir():
            if path.is_file() and path.name != _LOCK:
                path.unlink()

    def load(self, key: str) -> dict[str, Any] | None:
        """The last state of the run with this key; None at its start.

        Raises UsageError when a run with another key is unfinished.
        """
        if not self._state.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self._state, map_location="cpu", weights_only=True)
        except Exception:  # whatever a damaged file makes the reader raise
            raise UsageError(
                f"what is left of the run of {self.name} cannot be read; start anew with --fresh"
            ) from None
        if state["key"] != key:
            raise UsageError(
                f"an unfinished run of {self.name} had other rows or options; repeat its command "
                "to finish it, or start anew with --fresh"
            )
        return state

    def save(self, state: dict[str, Any], key: str) -> None:
        """Keep a state in place of the last one; whenever the process dies, one is whole."""
        coming = self._state.with_suffix(".coming")
        try:
            torch.save({**state, "key": key}, coming)
            coming.replace(self._state)
        except (OSError, RuntimeError):  # torch's own, for a full disk
            raise UsageError(
                f"the state of {self.name} cannot be written; is the disk full? "
                "The same command goes on after the last epoch"
            ) from None

    def done(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder)
        if not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()
