"""The checkpoint folder of a repository, for who loads it: as it is locked, else as it is now."""

from __future__ import annotations

import logging
from pathlib import Path

from . import cache, hub
from .errors import HubError, LockError, Unreachable
from .lock import Lock, LockedModel
from .plan import fits, listed_jobs, locked_jobs
from .pull import fetch_all, require_room
from .source import Repository
from .transfer import Job, Told

logger = logging.getLogger("mlserver.chorus")


def folder(
    model: str, wanted: Repository, lock_file: Path | None, told: Told
) -> tuple[Path, LockedModel | None]:
    """Where the files are, fetched if need be, and what they are locked to.

    What was fetched by another program, or lies here in its size, is not verified: that is for who
    reads it. A branch that is in no lock is told of in the log. Raises WeightsError.
    """
    locked = Lock.read(lock_file).get(wanted.name) if lock_file else None
    if locked is None:
        return _unlocked(model, wanted, told), None
    if not fits(locked, wanted):
        raise LockError(
            f"the lock pins {wanted.name} at {locked.reference}, its settings ask for "
            f"{wanted.reference}; run chorus pull {model} --update"
        )
    if not cache.is_complete(locked):
        _require_hub(model, wanted)
        _fetch(locked_jobs(locked), told)
    return cache.snapshot(locked.repository, locked.revision), locked


def _unlocked(model: str, wanted: Repository, told: Told) -> Path:
    if not wanted.is_fixed:
        logger.warning(
            "chorus: model %s: %s is not pinned, its bytes may change from one start to the next; "
            "chorus pull %s pins them",
            model,
            wanted.name,
            model,
        )
    try:
        commit, jobs = listed_jobs(wanted)
    except Unreachable:
        return _as_it_was(model, wanted)
    _fetch(jobs, told)
    cache.remember(wanted.name, wanted.reference, commit)
    return cache.snapshot(wanted.name, commit)


def _as_it_was(model: str, wanted: Repository) -> Path:
    """What an earlier start, or another program, has fetched. Raises HubError."""
    commit = cache.commit_of(wanted.name, wanted.reference)
    found = cache.snapshot(wanted.name, commit) if commit else None
    if not found or not found.is_dir():
        _require_hub(model, wanted)
        raise HubError(
            f"{wanted.name} is not on this machine and the hub cannot be reached; check the "
            "network, or serve the stand-ins with --weights standin"
        )
    return found


def _require_hub(model: str, wanted: Repository) -> None:
    if hub.is_off():
        raise Unreachable(
            f"{wanted.name} is not on this machine as it is asked for, and nothing is fetched "
            f"now; run chorus pull {model}"
        )


def _fetch(jobs: tuple[Job, ...], told: Told) -> None:
    require_room(job for job in jobs if not job.is_there())
    fetch_all([job for job in jobs if not job.is_there()], told)
