"""Repositories into the cache: at the commits of the lock, with its bytes, and into the lock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .errors import HubError, LockError
from .lock import Lock, LockedFile, LockedModel, held
from .parallel import each
from .plan import Change, merged, plan
from .source import Repository
from .transfer import Job, Told, fetch

_UNWRITABLE = (
    "{} is to pin {} and cannot be written; run chorus pull where it can, or choose another place "
    "with --lock or CHORUS_MODELS_LOCK"
)
_THREADS = 4  # one seldom fills a line, and more are impolite to the hub


@dataclass(frozen=True)
class Pulled:
    """A repository that is here now, what it was pinned to before, and the bytes that came."""

    model: LockedModel
    change: Change
    before: str | None
    fetched: int

    @property
    def folder(self) -> Path:
        """The checkpoint folder."""
        return cache.snapshot(self.model.repository, self.model.revision)


def pull(
    wanted: Sequence[Repository],
    lock_file: Path,
    *,
    update: bool = False,
    verified: bool = True,
    told: Told = lambda job, there: None,
    planned: Callable[[Sequence[Job]], None] = lambda jobs: None,
) -> list[Pulled]:
    """Have every repository as it is locked, and lock those that are not.

    `update` pins all of them anew. Unless it is to be `verified`, a file that is here in its size
    is taken for what was said of it: who reads it verifies. `planned` hears once of every file,
    `told` of those that come, in several threads. Raises WeightsError; what has arrived is kept.
    """
    lock = Lock.read(lock_file)
    to_pin = [one.name for one in wanted if update or not lock.get(one.name)]
    if to_pin:
        _require_writable(lock_file, to_pin[0])
    plans = [plan(one, lock.get(one.name), update=update) for one in merged(wanted)]
    jobs = [job for one in plans for job in one.jobs]
    absent = {job: not job.is_there() for job in jobs}
    require_room(job for job in jobs if absent[job])
    planned(jobs)
    found = {} if verified else {job: job.stated for job in jobs if job.stated and not absent[job]}
    todo = [job for job in jobs if job not in found]
    found |= dict(zip(todo, fetch_all(todo, told), strict=True))
    pulled = []
    for one in plans:
        model = one.pinned(found[job] for job in one.jobs)
        before = one.locked.revision if one.locked else None
        came = sum(job.size for job in one.jobs if absent[job])
        pulled.append(Pulled(model, one.change(model), before, came))
        cache.remember(model.repository, model.reference, model.revision)
    _write(lock_file, lock, [one.model for one in pulled if one.change is not Change.UNCHANGED])
    return pulled


def fetch_all(jobs: Sequence[Job], told: Told) -> list[LockedFile]:
    """Have all the files; the first that cannot be had ends it. Raises HubError."""

    def work(job: Job, check: Callable[[], None]) -> LockedFile:
        def told_or_stopped(job: Job, there: int) -> None:
            check()
            told(job, there)

        return fetch(job, told_or_stopped)

    return each(work, jobs, _THREADS)


def require_room(absent: Iterable[Job]) -> None:
    """Refuse, before anything is fetched, what the disk cannot hold. Raises HubError."""
    needed = sum(job.size for job in absent)
    if not needed:
        return
    root = cache.root()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise HubError(
            f"{needed / 1e9:,.1f} GB are to come and the disk has {free / 1e9:,.1f} GB left; "
            "free some of it, or set HF_HOME to another one"
        )


def _require_writable(path: Path, repository: str) -> None:
    """Refuse, before anything is fetched, a place that takes no lock. Raises LockError."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise LockError(_UNWRITABLE.format(path.name, repository))


def _write(path: Path, before: Lock, changed: Sequence[LockedModel]) -> None:
    """Add to the lock, unless another process has locked the same otherwise. Raises LockError."""
    if not changed:
        return
    try:
        with held(path):
            now = Lock.read(path)
            for model in changed:
                if now.get(model.repository) not in (before.get(model.repository), model):
                    raise LockError(
                        f"another process has pinned {model.repository} meanwhile; run it again"
                    )
                now = now.with_model(model)
            now.write(path)
    except OSError as error:
        raise LockError(_UNWRITABLE.format(path.name, changed[0].repository)) from error
