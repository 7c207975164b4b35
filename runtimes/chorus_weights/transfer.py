"""One file of a repository into the cache: from where an earlier attempt ended, and verified."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from . import cache, hub
from .digest import sha256
from .errors import HubError
from .hub import Entry
from .lock import LockedFile

Told = Callable[["Job", int], None]
"""Hears how many bytes of a file are there; may raise to end its transfer."""


@dataclass(frozen=True)
class Job:
    """A file to have, at a commit; `sha256` where somebody has said what it must be."""

    repository: str
    commit: str
    path: str
    size: int
    digest: str
    """The name of its bytes in the cache."""
    sha256: str | None = None

    @classmethod
    def locked(cls, repository: str, commit: str, file: LockedFile) -> Job:
        """A file that the lock knows."""
        return cls(repository, commit, file.path, file.size, file.sha256, file.sha256)

    @classmethod
    def listed(cls, repository: str, commit: str, entry: Entry) -> Job:
        """A file that the hub lists."""
        return cls(repository, commit, entry.path, entry.size, entry.digest, entry.sha256)

    @property
    def pointer(self) -> Path:
        """Where it is to be read."""
        return cache.snapshot(self.repository, self.commit) / self.path

    @property
    def stated(self) -> LockedFile | None:
        """What it must be; None where nobody has said."""
        return LockedFile(self.path, self.size, self.sha256) if self.sha256 else None

    def is_there(self) -> bool:
        """Whether a file of its size is there; what is in it is not looked at."""
        return cache.holds(self.repository, self.pointer, self.size)


def fetch(job: Job, told: Told) -> LockedFile:
    """Have the file in the cache, and say what it is. Raises HubError.

    One that is damaged there is replaced. Processes that fetch the same file wait for each other.
    """
    try:
        found = _right(job.pointer, job) or _fetch(job, told)
    except OSError as error:
        raise hub.explanation(error, job.repository, job.commit) from error
    told(job, job.size)
    return found


def _fetch(job: Job, told: Told) -> LockedFile:
    blob = cache.blob(job.repository, job.digest)
    blob.parent.mkdir(parents=True, exist_ok=True)
    partial = blob.with_name(f"{blob.name}.partial")
    with _alone(partial):
        found = _right(blob, job)  # of another commit, or fetched by the process we waited for
        if found:
            partial.unlink()
        else:
            found = _copied(blob, job, partial) or _downloaded(job, partial, told)
            partial.replace(blob)
        cache.link(blob, job.pointer)
    return found


def _copied(blob: Path, job: Job, partial: Path) -> LockedFile | None:
    """The partial file made whole from what the name of the bytes leads to in another folder.

    The hub's library keeps bytes that repositories share in a store of their own.
    """
    if not job.sha256 or not blob.is_file() or blob.stat().st_size != job.size:
        return None
    shutil.copyfile(blob, partial)
    found = LockedFile(job.path, job.size, sha256(partial))
    return found if found.sha256 == job.sha256 else None


def _downloaded(job: Job, partial: Path, told: Told) -> LockedFile:
    """The partial file made whole. Raises HubError, and drops it, if it is not what it must be."""
    resumed = 0 < partial.stat().st_size <= job.size
    for kept in (True, False) if resumed else (False,):
        with _Watched(partial, job, told, kept=kept) as file:
            hub.download(job.repository, job.commit, job.path, job.size, cast(BinaryIO, file))
        found = LockedFile(job.path, job.size, sha256(partial))
        if job.sha256 in (None, found.sha256):
            return found
    partial.unlink()
    raise HubError(
        f"{job.repository}: the hub sends other bytes for {job.path} than it was pinned with; "
        "use no mirror that does so"
    )


def _right(path: Path, job: Job) -> LockedFile | None:
    """What a file is, if it may be the one that is asked for."""
    if not cache.holds(job.repository, path, job.size):
        return None
    found = LockedFile(job.path, job.size, sha256(path))
    return found if job.sha256 in (None, found.sha256) else None


class _Watched(io.FileIO):
    """A partial file that tells of what is written to it, and holds it back in no buffer."""

    def __init__(self, path: Path, job: Job, told: Told, *, kept: bool) -> None:
        super().__init__(path, "ab" if kept else "wb")
        self._job, self._told = job, told

    def write(self, data: object) -> int:
        """Write all of it, or raise OSError."""
        rest = memoryview(cast(bytes, data))
        while rest:
            rest = rest[super().write(rest) :]
        self._told(self._job, self.tell())
        return len(cast(bytes, data))


@contextmanager
def _alone(partial: Path) -> Iterator[None]:
    """Hold the partial file, made if need be, once no other process or thread does."""
    while True:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(descriptor, partial):
                yield
                return
        finally:
            os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    """Whether the name still means the open file: another process may have finished it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
