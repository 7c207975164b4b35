"""The models that a folder holds, and which of them to serve."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chorus.errors import UsageError

SETTINGS = "model-settings.json"
EVERYTHING = "all"


@dataclass(frozen=True)
class Model:
    """A served name; an ensemble answers with what its members say."""

    name: str
    members: tuple[str, ...] = ()
    task: str = ""
    """What a pipeline does; empty for a classifier and an ensemble."""
    group: str = ""
    """The subfolder that it is in; empty for a model directly in the folder."""
    standin: Path | None = None
    """Where its stand-in is, or is to be."""
    home: Path | None = field(default=None, compare=False)
    """The folder with its settings."""


def default_folder() -> Path:
    """./models where there is one with models in it, else the repository's own."""
    here = Path("models")
    return here if _settings(here) else Path(__file__).parents[2] / "models"


def read(folder: Path) -> list[Model]:
    """Every model of the folder and of the groups in it, the ensembles last."""
    models = [_read_one(path, folder) for path in _settings(folder)]
    if not models:
        raise UsageError(
            f"no */{SETTINGS} in {folder}; choose another folder with --models-dir "
            "or CHORUS_MODELS_DIR"
        )
    return sorted(models, key=lambda model: (bool(model.members), model.group, model.name.lower()))


def select(models: Sequence[Model], names: Sequence[str]) -> tuple[list[Model], list[str]]:
    """The models of these names or groups, and the names that their ensembles add.

    No name means the models directly in the folder, or all where it has nothing but groups.
    """
    known = {model.name: model for model in models}
    wanted = set(_expanded(models, names) if names else _ungrouped(models) or known)
    _refuse_unknown(wanted, models, "--models or CHORUS_MODELS")
    needed = set(wanted)
    for name in wanted:
        _refuse_unknown(known[name].members, models, f"the members of {name}")
        needed.update(known[name].members)
    served = [model for model in models if model.name in needed]
    return served, [model.name for model in served if model.name not in wanted]


def _settings(folder: Path) -> list[Path]:
    return [path for depth in ("*", "*/*") for path in sorted(folder.glob(f"{depth}/{SETTINGS}"))]


def _read_one(path: Path, folder: Path) -> Model:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        extra = (settings.get("parameters") or {}).get("extra") or {}
        home = path.parent
        return Model(
            name=settings.get("name") or home.name,
            members=tuple(extra.get("members") or ()),
            task=extra.get("task") or "",
            group="" if home.parent == folder else home.parent.name,
            standin=home / extra["standin"] if extra.get("standin") else None,
            home=home,
        )
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _ungrouped(models: Sequence[Model]) -> list[str]:
    return [model.name for model in models if not model.group]


def _expanded(models: Sequence[Model], names: Sequence[str]) -> Iterable[str]:
    """The names, a group's in its place; a model goes before a group of its name."""
    single = {model.name for model in models}
    for name in names:
        members = [model.name for model in models if name in (model.group, EVERYTHING)]
        yield from [name] if name in single or not members else members


def _refuse_unknown(names: Iterable[str], models: Sequence[Model], where: str) -> None:
    known = [model.name for model in models]
    unknown = sorted(name for name in names if name not in known)
    if unknown:
        groups = sorted({model.group for model in models if model.group})
        raise UsageError(
            f"{where}: no model named {', '.join(unknown)}; known are {', '.join(known)}; "
            f"groups are {', '.join([*groups, EVERYTHING])}"
        )
