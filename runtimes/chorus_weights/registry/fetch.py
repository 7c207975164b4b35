"""A version of a model into the cache: whole, of harmless files, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chorus_weights.errors import CheckpointRefused, RegistryError

from . import artifacts, layout
from .artifacts import Artifact
from .cache import Cache
from .client import explained
from .version import Version

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository


def fetch(version: Version, cache: Cache) -> int:
    """Have the version in the cache; the bytes that came, 0 where it was there.

    One that is damaged there is replaced. Processes that fetch the same wait for each other.
    Raises WeightsError.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if cache.holds(version):
        return 0
    with explained(version.uri), cache.alone(version) as coming:
        if cache.holds(version):  # fetched by the process that we waited for
            return 0
        shutil.rmtree(coming, ignore_errors=True)  # of a process that was killed
        coming.mkdir()
        try:
            came = _fill(coming, get_artifact_repository(version.location), version)
            cache.describe(coming, version)
            home = cache.home(version)
            shutil.rmtree(home, ignore_errors=True)
            coming.rename(home)
        except CheckpointRefused as error:
            raise CheckpointRefused(f"{version.uri}: {error}") from None
        finally:
            shutil.rmtree(coming, ignore_errors=True)
    return came


def _fill(coming: Path, repository: ArtifactRepository, version: Version) -> int:
    """Fetch what a checkpoint is made of into `coming/checkpoint`; how many bytes that are."""
    there = artifacts.listed(repository)
    if artifacts.DESCRIPTION not in {one.path for one in there}:
        raise RegistryError(f"{version.uri} is no model: it has no {artifacts.DESCRIPTION}")
    artifacts.require_harmless(there)
    fetched = coming / "fetched"
    fetched.mkdir()
    _download(repository, artifacts.DESCRIPTION, fetched)
    weights = artifacts.weights_folder(fetched / artifacts.DESCRIPTION)
    files = artifacts.needed(there, weights)
    _require_room(files, coming, version)
    for folder in sorted({one.path.partition("/")[0] for one in files}):
        _download(repository, folder, fetched)
    _require_whole(files, fetched, version)
    layout.flatten(fetched, weights, coming / "checkpoint")
    shutil.rmtree(fetched)
    return sum(one.size for one in files)


def _download(repository: ArtifactRepository, path: str, into: Path) -> None:
    repository.download_artifacts(path, str(into))  # type: ignore[no-untyped-call]


def _require_room(files: Sequence[Artifact], folder: Path, version: Version) -> None:
    size, free = sum(one.size for one in files), shutil.disk_usage(folder).free
    if size > free:
        raise RegistryError(
            f"{version.uri}: {size / 1e9:,.1f} GB are to come and the disk has {free / 1e9:,.1f} "
            "GB left; free some of it, or set CHORUS_MLFLOW_CACHE to another one"
        )


def _require_whole(files: Sequence[Artifact], fetched: Path, version: Version) -> None:
    for one in files:
        path = fetched / one.path
        if not path.is_file() or path.is_symlink() or one.size not in (0, path.stat().st_size):
            raise RegistryError(f"{version.uri}: MLflow does not send {one.path} whole; try again")
