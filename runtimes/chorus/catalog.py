"""The models that a folder holds, and which of them to serve."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chorus.errors import UsageError

SETTINGS = "model-settings.json"


@dataclass(frozen=True)
class Model:
    """A served name; an ensemble answers with what its members say."""

    name: str
    members: tuple[str, ...] = ()


def default_folder() -> Path:
    """./models where there is one with models in it, else the repository's own."""
    here = Path("models")
    return here if _settings(here) else Path(__file__).parents[2] / "models"


def read(folder: Path) -> list[Model]:
    """Every model of the folder, the ensembles last."""
    models = [_read_one(path) for path in _settings(folder)]
    if not models:
        raise UsageError(
            f"no */{SETTINGS} in {folder}; choose another folder with --models-dir "
            "or CHORUS_MODELS_DIR"
        )
    return sorted(models, key=lambda model: (bool(model.members), model.name.lower()))


def select(models: Sequence[Model], names: Sequence[str]) -> tuple[list[Model], list[str]]:
    """The models of these names (none: all), and the names that their ensembles add."""
    known = {model.name: model for model in models}
    wanted = set(names or known)
    _refuse_unknown(names, known, "--models or CHORUS_MODELS")
    needed = set(wanted)
    for name in wanted:
        _refuse_unknown(known[name].members, known, f"the members of {name}")
        needed.update(known[name].members)
    served = [model for model in models if model.name in needed]
    return served, [model.name for model in served if model.name not in wanted]


def _settings(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*/{SETTINGS}"))


def _read_one(path: Path) -> Model:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        extra = (settings.get("parameters") or {}).get("extra") or {}
        return Model(settings.get("name") or path.parent.name, tuple(extra.get("members") or ()))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _refuse_unknown(names: Sequence[str], known: dict[str, Model], where: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"{where}: no model named {', '.join(unknown)}; known are {', '.join(known)}"
        )
