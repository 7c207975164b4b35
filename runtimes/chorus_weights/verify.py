"""Whether a checkpoint folder may be parsed: it is what the lock says, and nothing in it is code.

Nothing here opens a file by another library than hashlib and json. What is promised holds for the
moment of the check: who can write to the folder can change it afterwards (`writable_by_others`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from . import documents
from .digest import sha256
from .errors import CheckpointRefused
from .kinds import is_idle, is_safe, reason_against
from .listing import File, files
from .lock import NAME, LockedModel

# Hashing is as fast as the disk with two; the other cores may be serving.
_HASHERS = 2
_AGAIN = "run chorus pull, which fetches it again"


def check(folder: Path, locked: LockedModel | None = None) -> None:
    """Refuse a folder before a loader opens it; one that is locked, unless it is as the lock says.

    Reads every locked file once, all of its bytes. Blocks; raises CheckpointRefused.
    """
    root = folder.resolve()
    try:
        found = files(root, _blobs(root))
        _require_kinds(found)
        documents.require_small(found)
        if locked:
            _require_revision(root, locked)
            _require_locked(found, locked)
        documents.require_harmless(found)
    except OSError as error:
        raise CheckpointRefused(f"its files cannot be read: {error.strerror}") from None


def writable_by_others(folder: Path) -> str | None:
    """The first path in a checked folder that another user may change; None if there is none.

    The group that this process runs as is no other user.
    """
    root = folder.resolve()
    for path in (root, *sorted(root.rglob("*"))):
        status = path.stat()
        others = status.st_mode & stat.S_IWOTH
        group = status.st_mode & stat.S_IWGRP and status.st_gid != os.getegid()
        if others or group:
            return str(path.relative_to(root))
    return None


def _blobs(root: Path) -> Path | None:
    """Where the links of a snapshot in the hub's cache lead to; None for another folder."""
    blobs = root.parent.parent / "blobs"
    return blobs if root.parent.name == "snapshots" and blobs.is_dir() else None


def _require_kinds(found: Sequence[File]) -> None:
    safe = {file.path.parent for file in found if is_safe(file.path)}
    for file in found:
        if reason := reason_against(file.path, safer=file.path.parent in safe):
            raise CheckpointRefused(f"{file.path} {reason}; delete it")


def _require_revision(root: Path, locked: LockedModel) -> None:
    if root.name != locked.revision:
        raise CheckpointRefused(
            f"{locked.repository} is here at another revision than in {NAME}; run chorus pull"
        )


def _require_locked(found: Sequence[File], locked: LockedModel) -> None:
    """The same files with the same bytes, and no other that a loader could open."""
    there = {str(file.path): file for file in found}
    for wanted in locked.files:
        file = there.pop(wanted.path, None)
        if file is None:
            raise CheckpointRefused(f"{wanted.path} is missing; run chorus pull")
        if file.size != wanted.size:
            raise CheckpointRefused(
                f"{wanted.path} has {file.size} bytes, {NAME} says {wanted.size}; {_AGAIN}"
            )
    for path in there:
        if not is_idle(PurePosixPath(path)):
            raise CheckpointRefused(
                f"{path} is not in {NAME}; delete it, or set HF_HOME to a cache of Chorus's own"
            )
    _require_digests(found, locked)


def _require_digests(found: Sequence[File], locked: LockedModel) -> None:
    places = {str(file.path): file.real for file in found}
    with ThreadPoolExecutor(_HASHERS, "chorus-hash") as pool:
        digests = pool.map(lambda file: sha256(places[file.path]), locked.files)
        for wanted, digest in zip(locked.files, digests, strict=True):
            if digest != wanted.sha256:
                pool.shutdown(wait=False, cancel_futures=True)
                raise CheckpointRefused(
                    f"{wanted.path} has other bytes than {NAME} says (SHA-256); {_AGAIN}"
                )
