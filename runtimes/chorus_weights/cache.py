"""Where a repository's files lie on this machine: Hugging Face's own cache, in its layout.

`models--org--name/{blobs/<digest>, snapshots/<commit>/<path>, refs/<branch>}`; what other programs
have fetched is used, and what is fetched here they use.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from huggingface_hub import constants

from .lock import LockedModel, is_commit


def root() -> Path:
    """HF_HUB_CACHE, else `hub` in HF_HOME, else in the user's cache."""
    return Path(constants.HF_HUB_CACHE).expanduser().absolute()


def home(repository: str) -> Path:
    """The repository's own folder, whether it is there or not."""
    return root() / f"models--{repository.replace('/', '--')}"


def snapshot(repository: str, commit: str) -> Path:
    """The checkpoint folder of a commit."""
    return home(repository) / "snapshots" / commit


def blob(repository: str, digest: str) -> Path:
    """The bytes of one file, by the name that the hub gives them."""
    return home(repository) / "blobs" / digest


def commit_of(repository: str, reference: str) -> str | None:
    """The commit that a branch pointed to when it was last fetched; None if it never was."""
    if is_commit(reference):
        return reference
    try:
        commit = (home(repository) / "refs" / reference).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return commit if is_commit(commit) else None


def remember(repository: str, reference: str, commit: str) -> None:
    """Note which commit a branch points to, for a start without the hub, where it can be noted."""
    if commit_of(repository, reference) == commit:
        return
    path = home(repository) / "refs" / reference
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(commit, encoding="ascii")


def holds(repository: str, path: Path, size: int) -> bool:
    """Whether a file is there in its size, in the repository's own folder after all links.

    What is in it is not looked at.
    """
    try:
        real = path.resolve(strict=True)
        return real.is_file() and real.stat().st_size == size and _is_own(repository, real)
    except (OSError, RuntimeError):
        return False


def is_complete(model: LockedModel) -> bool:
    """Whether every locked file is there in its size; what is in it, others verify."""
    folder = snapshot(model.repository, model.revision)
    return all(holds(model.repository, folder / file.path, file.size) for file in model.files)


def _is_own(repository: str, real: Path) -> bool:
    return real.is_relative_to(home(repository).resolve())


def link(target: Path, pointer: Path) -> None:
    """Show a blob as a file of a snapshot, in place of what is there."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    # Not beside the pointer: what a killed process leaves there would be a file of the checkpoint.
    made = target.with_name(f".{uuid.uuid4().hex}")
    made.symlink_to(os.path.relpath(target, pointer.parent))
    made.replace(pointer)
