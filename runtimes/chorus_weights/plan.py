"""What to have of each repository, at which commit: as it is locked, else as the hub lists it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from . import hub, patterns
from .errors import HubError, LockError, SourceError
from .lock import LockedFile, LockedModel
from .source import Part, Repository
from .transfer import Job


class Change(StrEnum):
    """What a pull has done to the lock."""

    UNCHANGED = "unchanged"
    PINNED = "new"
    MOVED = "moved"
    EXTENDED = "extended"


@dataclass(frozen=True)
class Plan:
    """What to have of a repository, and what the lock says of it now."""

    wanted: Repository
    commit: str
    jobs: tuple[Job, ...]
    locked: LockedModel | None

    def pinned(self, files: Iterable[LockedFile]) -> LockedModel:
        """The lock's entry once these files are here."""
        reference = self.wanted.reference
        return LockedModel(self.wanted.name, self.commit, tuple(sorted(files)), reference)

    def change(self, model: LockedModel) -> Change:
        """What that entry is, beside the one before."""
        if self.locked is None:
            return Change.PINNED
        if self.locked.revision != model.revision:
            return Change.MOVED
        return Change.UNCHANGED if self.locked == model else Change.EXTENDED


def plan(wanted: Repository, locked: LockedModel | None, *, update: bool) -> Plan:
    """What to have of a repository, and at which commit. Raises LockError, HubError."""
    whole = locked and patterns.has_weights(file.path for file in locked.files)
    if whole:  # another model's weights are not given up for this one's tokenizer
        wanted = replace(wanted, part=Part.WHOLE)
    if locked is None or update:
        return Plan(wanted, *listed_jobs(wanted), locked)
    if not fits(locked, wanted):
        raise LockError(
            f"the lock pins {wanted.name} at {locked.reference}, its settings ask for "
            f"{wanted.reference}; run chorus pull --update to follow them"
        )
    jobs = locked_jobs(locked)
    wanted = replace(wanted, reference=locked.reference)
    if wanted.part is Part.WHOLE and not whole:
        pinned = Repository(wanted.name, locked.revision)
        known = {job.path for job in jobs}
        jobs += tuple(job for job in listed_jobs(pinned)[1] if job.path not in known)
    return Plan(wanted, locked.revision, jobs, locked)


def merged(wanted: Iterable[Repository]) -> list[Repository]:
    """Each repository once, whole if anybody wants it whole. Raises SourceError for two of one."""
    found: dict[str, Repository] = {}
    for one in wanted:
        other = found.setdefault(one.name, one)
        if other.reference != one.reference:
            raise SourceError(
                f"{one.name} is asked for at {other.reference} and at {one.reference}; "
                "a lock holds one revision of each repository, so choose one in the settings"
            )
        if one.part is Part.WHOLE:
            found[one.name] = one
    return list(found.values())


def locked_jobs(model: LockedModel) -> tuple[Job, ...]:
    """What to have of a locked repository."""
    return tuple(map(partial(Job.locked, model.repository, model.revision), model.files))


def listed_jobs(repository: Repository) -> tuple[str, tuple[Job, ...]]:
    """What to have of one that is not locked, and at which commit. Raises HubError."""
    listing = hub.listing(repository.name, repository.reference)
    paths = set(patterns.wanted([entry.path for entry in listing.entries], repository.part))
    if not paths:
        raise HubError(f"{repository.name} holds no checkpoint that transformers could load")
    listed = partial(Job.listed, repository.name, listing.commit)
    return listing.commit, tuple(map(listed, (e for e in listing.entries if e.path in paths)))


def fits(locked: LockedModel, wanted: Repository) -> bool:
    """Whether the lock was made for this branch, tag or commit."""
    return wanted.reference in (locked.reference, locked.revision)
