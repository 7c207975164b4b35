"""The lock: which commit of each repository, and which bytes each of its files is."""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import LockError

NAME = "models.lock"
MAIN = "main"
"""The branch that a repository is taken from where nothing else is asked for."""

_VERSION = 1
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPOSITORY = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, order=True)
class LockedFile:
    """One file of a repository: its relative POSIX path, its bytes, their SHA-256 in hex."""

    path: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        """Refuse a path that leaves its folder. Raises LockError."""
        if not is_inside(self.path):
            raise LockError(f"{self.path!r} is no path inside a repository")
        if type(self.size) is not int or self.size < 0:
            raise LockError(f"{self.path}: size is not a number of bytes")
        if not _is_text(self.sha256, _SHA256):
            raise LockError(f"{self.path}: sha256 is not 64 hexadecimal digits")


@dataclass(frozen=True)
class LockedModel:
    """A repository at one commit; `reference` is the branch, tag or commit it was pinned from."""

    repository: str
    revision: str
    files: tuple[LockedFile, ...]
    reference: str = MAIN

    def __post_init__(self) -> None:
        """Raises LockError for what is no commit of a repository."""
        if not _is_text(self.repository, _REPOSITORY):
            raise LockError(f"{self.repository!r} is no name of a repository")
        if not is_commit(self.revision):
            raise LockError(f"{self.repository}: revision is not a commit of 40 hexadecimal digits")
        if not isinstance(self.reference, str) or not self.reference:
            raise LockError(f"{self.repository}: reference is not a name")
        if not self.files:
            raise LockError(f"{self.repository}: files are missing")

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def file(self, path: str) -> LockedFile | None:
        """What is known of a file; None if it is not locked."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True)
class Lock:
    """Every repository that is pinned, by its name."""

    models: Mapping[str, LockedModel] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Lock:
        """The lock in a file; an empty one where there is no file. Raises LockError."""
        try:
            return cls(_parsed(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise LockError(f"{path.name} cannot be read: {error.strerror}") from None
        except LockError as error:
            raise LockError(
                f"{path.name}: {error}; restore it, or delete it and run chorus pull"
            ) from None
        except (ValueError, RecursionError):
            raise LockError(
                f"{path.name} is not JSON; restore it, or delete it and run chorus pull"
            ) from None

    def get(self, repository: str) -> LockedModel | None:
        """What a repository is pinned to; None if it is not."""
        return self.models.get(repository)

    def with_model(self, model: LockedModel) -> Lock:
        """The same lock with this repository pinned so."""
        return Lock({**self.models, model.repository: model})

    def write(self, path: Path) -> None:
        """Replace the file, whole or not at all; the same lock is always the same text."""
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self._text())
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _text(self) -> str:
        models = {
            model.repository: {
                "reference": model.reference,
                "revision": model.revision,
                "files": {
                    file.path: {"size": file.size, "sha256": file.sha256}
                    for file in sorted(model.files)
                },
            }
            for model in sorted(self.models.values(), key=lambda model: model.repository)
        }
        return json.dumps({"version": _VERSION, "models": models}, indent=2) + "\n"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other processes from changing the lock meanwhile; waits for one that is."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def nearest(home: Path) -> Path | None:
    """The lock beside the models of which a folder is one; None if there is none.

    A model's own folder is `models/<name>/` or, in a group, `models/<group>/<name>/`.
    """
    for folder in (home, *home.absolute().parents[:2]):
        if (folder / NAME).is_file():
            return folder / NAME
    return None


def is_commit(reference: object) -> bool:
    """Whether it is a commit's full name: 40 hexadecimal digits."""
    return _is_text(reference, _COMMIT)


def is_inside(path: object) -> bool:
    """Whether it is the plain relative path of a file: no `..`, no root, no odd character."""
    if not isinstance(path, str) or not path or _UNPRINTABLE.search(path):
        return False
    parts = path.split("/")
    return not PurePosixPath(path).is_absolute() and not {"", ".", ".."} & set(parts)


def _parsed(text: str) -> dict[str, LockedModel]:
    document = json.loads(text, object_pairs_hook=_once)
    if not isinstance(document, dict) or type(document.get("version")) is not int:
        raise LockError("it is not a lock of models")
    if document["version"] != _VERSION:
        raise LockError(f"it is of version {document['version']}, this Chorus reads {_VERSION}")
    _only(document, ("version", "models"), "it")
    return {name: _model(name, values) for name, values in _mapping(document["models"]).items()}


def _model(name: str, values: object) -> LockedModel:
    found = _mapping(values, name)
    _only(found, ("reference", "revision", "files"), name)
    files = tuple(_file(path, file) for path, file in _mapping(found["files"], name).items())
    return LockedModel(name, found["revision"], tuple(sorted(files)), found["reference"])


def _file(path: str, values: object) -> LockedFile:
    found = _mapping(values, path)
    _only(found, ("size", "sha256"), path)
    return LockedFile(path, found["size"], found["sha256"])


def _mapping(value: object, of: str = "models") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LockError(f"{of}: not an object")
    return value


def _only(values: Mapping[str, object], keys: Sequence[str], of: str) -> None:
    if set(values) != set(keys):
        odd = sorted(set(values) ^ set(keys))
        raise LockError(f"{of}: {odd[0]!r} is missing or unknown")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise LockError("a name is there twice")
    return values


def _is_text(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None
