"""What lies in a checkpoint folder: plain files below it, and nothing that leads elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import CheckpointRefused
from .lock import is_inside

# Far beyond any checkpoint; a folder of so many files, or so deep, is something else.
_MOST_FILES = 10_000
_DEEPEST = 16


@dataclass(frozen=True)
class File:
    """A file of a checkpoint: its path in the folder, where its bytes are, how many."""

    path: PurePosixPath
    real: Path
    size: int


def files(root: Path, blobs: Path | None = None) -> tuple[File, ...]:
    """Every file below the folder, both without links in their own paths, in order of their paths.

    A link may lead to another file of the folder, or to one in `blobs`. Raises CheckpointRefused
    for any other link, for what is no plain file, and for odd names.
    """
    homes = (root, blobs) if blobs else (root,)
    found: list[File] = []
    for path, entry in _entries(root):
        found.append(_file(path, entry, homes))
        if len(found) > _MOST_FILES:
            raise CheckpointRefused(
                f"the folder holds more than {_MOST_FILES} files; give one that is a checkpoint"
            )
    return tuple(sorted(found, key=lambda file: file.path))


def _entries(root: Path) -> Iterator[tuple[PurePosixPath, os.DirEntry[str]]]:
    """All that is no folder, below the root; links are not followed."""
    waiting = [(root, PurePosixPath())]
    while waiting:
        folder, path = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                below = path / entry.name
                if not entry.name.isprintable() or not is_inside(str(below)):
                    raise CheckpointRefused(f"{str(below)!a} has an odd name; delete it")
                if not entry.is_dir(follow_symlinks=False):
                    yield below, entry
                elif len(below.parts) < _DEEPEST:
                    waiting.append((Path(entry.path), below))
                else:
                    raise CheckpointRefused(f"{below} lies too deep; delete it")


def _file(path: PurePosixPath, entry: os.DirEntry[str], homes: tuple[Path, ...]) -> File:
    try:
        real = Path(entry.path).resolve(strict=True)
        status = real.stat()
    except (OSError, RuntimeError):  # the latter for a link to itself
        raise CheckpointRefused(f"{path} is a link to nothing; restore it") from None
    if not any(real.is_relative_to(home) for home in homes):
        raise CheckpointRefused(
            f"{path} is a link that leads out of its folder; put the file itself there"
        )
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointRefused(f"{path} is no plain file; delete it")
    return File(path, real, status.st_size)
