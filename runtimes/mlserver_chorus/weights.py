"""Where a model's weights are: stand-in, hub or folder, as a local checkpoint folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from mlserver.settings import ModelSettings
from mlserver.utils import to_absolute_path

from chorus_weights import lock, source, verify
from chorus_weights.errors import WeightsError
from chorus_weights.registry import local as registries
from chorus_weights.registry import uri as registry_uri
from chorus_weights.registry.local import Registry
from chorus_weights.source import Part, Repository

from . import card
from .engine.errors import LoadError

if TYPE_CHECKING:
    from chorus_weights.lock import LockedModel
    from chorus_weights.registry.uri import ModelUri
    from chorus_weights.registry.version import Version
    from chorus_weights.transfer import Job

logger = logging.getLogger("mlserver.chorus")

_PROGRESS_SECONDS = 3.0


@dataclass(frozen=True)
class Weights:
    """A local checkpoint folder, and what kind it is: `standin`, `hub`, `mlflow` or `folder`."""

    folder: Path
    kind: str
    name: str
    """What to call it in public: the repository on the hub, MLflow's URI, the folder's own name."""
    locked: LockedModel | None = None
    """The commit and the bytes that it must be; None where nothing is pinned."""
    standin: card.Standin | None = None
    """Whether a stand-in was trained; None for what is none."""
    version: Version | None = None
    """The model of MLflow that it is; None for any other."""

    def described(self) -> dict[str, str]:
        """What metadata say: `weights`, `checkpoint`; `standin`, `revision`, `run` if there are."""
        revised = self.version or self.locked
        said = {
            "weights": self.kind,
            "checkpoint": self.name,
            "standin": self.standin,
            "revision": revised.revision if revised else None,
            "run": self.version.run_id if self.version else None,
        }
        return {name: value for name, value in said.items() if value}


class Extra(Protocol):
    """What a model's own settings may say about its weights."""

    @property
    def standin(self) -> str | None:
        """A folder of small weights, relative to the settings file."""


def locate(
    settings: ModelSettings,
    extra: Extra,
    choice: str,
    pretrained: str | None = None,
    *,
    lock_file: Path | None = None,
    registry: Registry | None = None,
) -> Weights:
    """The weights of a model for the process-wide choice; fetches them when that is it.

    `choice` is `standin` (the model's own `uri` where it has no stand-in), `hub` (`uri`), or a
    folder that holds one checkpoint folder per model name. `pretrained` is a folder or the name of
    a repository, in place of `uri`. The lock is the one beside the models unless `lock_file` says
    otherwise; `registry` is MLflow's, for a `uri` of it. Blocks; raises LoadError.
    """
    uri = settings.parameters.uri if settings.parameters else None
    if choice == "standin" and extra.standin:
        folder = Path(to_absolute_path(settings, extra.standin))
        name = f"{settings.name} stand-in"
        weights = Weights(folder, "standin", name, standin=card.standin(folder))
        return _verified(settings, weights)
    if choice not in ("standin", "hub"):
        folder = Path(choice).expanduser().absolute() / settings.name
        return _verified(settings, Weights(folder, "folder", folder.name))
    if pretrained:
        return named(settings, pretrained, lock_file=lock_file)
    if not uri:
        raise LoadError(f"model {settings.name}: parameters.uri is missing")
    with _errors_of(settings):
        registered = registry_uri.parse(uri)
        repository = source.of_uri(uri)
    if registered:
        return _of_registry(settings, registered, registry or registries.of_process())
    if repository:
        return _of_hub(settings, repository, lock_file)
    folder = Path(to_absolute_path(settings, uri))
    return _verified(settings, Weights(folder, "folder", folder.name))


def named(
    settings: ModelSettings,
    pretrained: str,
    part: Part = Part.WHOLE,
    *,
    lock_file: Path | None = None,
) -> Weights:
    """The files of a folder, `hf://…`, or the name of a repository.

    A folder is one that exists, relative to the settings file. Blocks; raises LoadError.
    """
    with _errors_of(settings):
        repository = source.of_name(pretrained, _home(settings), part)
    if repository:
        return _of_hub(settings, repository, lock_file)
    folder = _home(settings) / pretrained
    return _verified(settings, Weights(folder, "folder", folder.name))


def _of_hub(settings: ModelSettings, repository: Repository, lock_file: Path | None) -> Weights:
    from chorus_weights import local  # the hub's library is slow to import, and seldom needed

    chosen = lock_file or lock.nearest(_home(settings))
    with _errors_of(settings):
        folder, locked = local.folder(settings.name, repository, chosen, _Progress(settings.name))
    reference = locked.revision if locked else repository.reference
    plain = not locked and reference == lock.MAIN
    name = repository.name if plain else f"{repository.name}@{reference}"
    return _verified(settings, Weights(folder, "hub", name, locked))


def _of_registry(settings: ModelSettings, uri: ModelUri, registry: Registry) -> Weights:
    with _errors_of(settings):
        found = registry.find(uri)
    version = found.version
    logger.info(
        "chorus: model %s: %s is %s, %s of run %s; %.1f MB came",
        settings.name,
        uri.text,
        version.uri,
        version.model_id or "files",
        version.run_id or "unknown",
        found.bytes / 1e6,
    )
    return _verified(settings, Weights(found.folder, "mlflow", version.uri, version=version))


def _verified(settings: ModelSettings, weights: Weights) -> Weights:
    """The weights, once nothing speaks against parsing them. Raises LoadError.

    A folder that is missing is for who loads it to tell.
    """
    if weights.folder.is_dir():
        with _errors_of(settings):
            verify.check(weights.folder, weights.locked)
        if exposed := verify.writable_by_others(weights.folder):
            logger.warning(
                "chorus: model %s: other users of this machine may change its weights (%s), after "
                "they were verified too; chmod -R go-w its folder",
                settings.name,
                exposed,
            )
    return weights


def _home(settings: ModelSettings) -> Path:
    return Path(to_absolute_path(settings, "."))


@contextmanager
def _errors_of(settings: ModelSettings) -> Iterator[None]:
    try:
        yield
    except WeightsError as error:
        raise LoadError(f"model {settings.name}: {error}") from error


class _Progress:
    """Lines of the log, which is no terminal, while files arrive."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told = monotonic()
        self._one_at_a_time = Lock()

    def __call__(self, job: Job, there: int) -> None:
        with self._one_at_a_time:
            if monotonic() - self._told < _PROGRESS_SECONDS:
                return
            self._told = monotonic()
        logger.warning(
            "chorus: %s: %s: %d of %d MB",
            self._name,
            job.path,
            there // 1_000_000,
            job.size // 1_000_000,
        )
