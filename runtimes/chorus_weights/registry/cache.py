"""Where models of MLflow lie on this machine, by what never changes.

`<key>/checkpoint/` is the folder that is served, `<key>/fetched.json` what it was when it came, and
`names/` which version a URI meant when the registry last said so.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chorus_weights.digest import sha256

from .version import Version

_FETCHED = "fetched.json"


def default_folder() -> Path:
    """`chorus/mlflow` in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "chorus" / "mlflow"


@dataclass(frozen=True)
class Cache:
    """The models that came from one server; `server` is its URI."""

    root: Path
    server: str

    def checkpoint(self, version: Version) -> Path:
        """The checkpoint folder of a version, whether it is there or not."""
        return self.home(version) / "checkpoint"

    def home(self, version: Version) -> Path:
        """All that is kept of a version."""
        return self.root / self._key(version.location)

    def holds(self, version: Version) -> bool:
        """Whether every file is there with the bytes that came. Reads all of them."""
        try:
            fetched = json.loads((self.home(version) / _FETCHED).read_text(encoding="utf-8"))
            return bool(fetched["files"] == digests(self.checkpoint(version)))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def describe(self, home: Path, version: Version) -> None:
        """Note in a home that is being filled what its files are."""
        document = {**version.document(), "files": digests(home / "checkpoint")}
        _write(home / _FETCHED, document)

    def remembered(self, uri: str) -> Version | None:
        """What a URI meant when the registry last said so; None if it never did."""
        try:
            return Version.of(json.loads(self._name(uri).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def remember(self, uri: str, version: Version) -> None:
        """Note it for a start without the registry, where it can be noted."""
        with suppress(OSError):
            self._name(uri).parent.mkdir(parents=True, exist_ok=True)
            coming = self._name(uri).with_suffix(f".{os.getpid()}")
            _write(coming, version.document())
            coming.replace(self._name(uri))

    @contextmanager
    def alone(self, version: Version) -> Iterator[Path]:
        """A place to fill a home in, once no other process fills it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{self._key(version.location)}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self.root / f"{self._key(version.location)}.coming"

    def _name(self, uri: str) -> Path:
        return self.root / "names" / f"{self._key(uri)}.json"

    def _key(self, what: str) -> str:
        return hashlib.sha256(f"{self.server}\n{what}".encode()).hexdigest()[:40]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path. Raises OSError."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): sha256(path) for path in files}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
