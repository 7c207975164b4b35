"""The files of a logged model: which there are, what may be fetched of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from chorus_weights.errors import CheckpointRefused, RegistryError
from chorus_weights.kinds import REFUSED, is_safe
from chorus_weights.lock import is_inside

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

DESCRIPTION = "MLmodel"
COMPONENTS = "components"
_FLAVOUR = "transformers"
_MOST_FILES = 1_000
_MOST_BYTES = 1 << 20  # of MLmodel, with a signature of many columns
_LOG_AGAIN = "log it with mlflow.transformers.log_model, which saves safetensors"


@dataclass(frozen=True)
class Artifact:
    """A file of a model; its size is 0 where the store does not say."""

    path: str
    size: int


def listed(repository: ArtifactRepository) -> list[Artifact]:
    """Every file of a model. Raises RegistryError for one that is no model of a sane size."""
    found: list[Artifact] = []
    folders: list[str | None] = [None]
    while folders:
        for one in repository.list_artifacts(folders.pop()):
            if not is_inside(one.path):
                raise RegistryError("MLflow lists a file with an impossible name")
            if one.is_dir:
                folders.append(one.path)
            else:
                found.append(Artifact(one.path, one.file_size or 0))
        if len(found) + len(folders) > _MOST_FILES:
            raise RegistryError(f"it has more than {_MOST_FILES} files; {_LOG_AGAIN}")
    return found


def require_harmless(artifacts: Sequence[Artifact]) -> None:
    """Refuse, before anything is fetched, a model with pickles or code. Raises CheckpointRefused.

    What it was logged with is no reason: MLflow writes its requirements into every model.
    """
    for one in artifacts:
        if reason := REFUSED.get(PurePosixPath(one.path).suffix.lower()):
            raise CheckpointRefused(f"{one.path} {reason}; {_LOG_AGAIN}")


def weights_folder(description: Path) -> str:
    """Where the weights are in a model, as its MLmodel says; the other parts are in COMPONENTS.

    Raises CheckpointRefused for a model that is not of the transformers flavour, or lacks weights.
    """
    flavours = _flavours(description)
    flavour = flavours.get(_FLAVOUR)
    if not isinstance(flavour, dict):
        known = ", ".join(sorted(map(str, flavours))) or "none"
        raise CheckpointRefused(
            f"it is of no flavour that is served here (it has {known}); {_LOG_AGAIN}"
        )
    if flavour.get("peft_adaptor"):
        raise CheckpointRefused("it is an adapter (PEFT); merge it into its model and log that")
    folder = flavour.get("model_binary")
    if not is_inside(folder):
        raise CheckpointRefused(
            "MLflow has its description and not its weights; log it with save_pretrained=True"
        )
    return str(folder)


def needed(artifacts: Sequence[Artifact], folder: str) -> list[Artifact]:
    """The files that a checkpoint is made of. Raises CheckpointRefused for one without weights."""
    below = (f"{folder}/", f"{COMPONENTS}/")
    found = [one for one in artifacts if one.path.startswith(below)]
    if not any(is_safe(PurePosixPath(one.path)) for one in found):
        raise CheckpointRefused(f"it has no safetensors; {_LOG_AGAIN}")
    return found


def _flavours(description: Path) -> dict[str, Any]:
    if description.stat().st_size > _MOST_BYTES:
        raise CheckpointRefused(f"its {DESCRIPTION} is too large to be one")
    try:
        flavours = yaml.safe_load(description.read_text(encoding="utf-8"))["flavors"]
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError):
        raise CheckpointRefused(f"its {DESCRIPTION} cannot be read; log it again") from None
    return flavours if isinstance(flavours, dict) else {}
