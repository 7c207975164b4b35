"""What a sentence-transformers folder says beside its model: steps, prompts, limits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...engine.errors import LoadError

# The configuration's names for what `pooling` calls by its own, in sentence-transformers' order.
_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True)
class Steps:
    """From texts to vectors; the defaults, for a folder without steps: the mean, of length 1."""

    model: str = ""
    """Subfolder of the transformer."""
    poolings: tuple[str, ...] = ("mean",)
    """Names in `pooling.POOLINGS`; several are laid end to end."""
    dense: tuple[str, ...] = ()
    """Subfolders of the linear layers after the pooling."""
    normalize: bool = True


@dataclass(frozen=True)
class Conventions:
    """How the model's texts are written."""

    most_tokens: int | None = None
    lower_case: bool = False
    prompts: dict[str, str] = field(default_factory=dict)
    prompt: str | None = None
    """Name of the prompt that is used unless the request names one."""


def steps(folder: Path) -> Steps:
    """The steps in modules.json. Raises LoadError for one that would have to be left out."""
    modules = _json(folder / "modules.json")
    if not modules:
        return Steps()
    paths: dict[str, list[str]] = {"Transformer": [], "Pooling": [], "Dense": [], "Normalize": []}
    for module in modules:
        kind = module["type"].rpartition(".")[2]
        if kind not in paths:
            raise LoadError(f"{folder.name} has a step that is not supported: {kind}")
        paths[kind].append(module["path"])
    if len(paths["Transformer"]) != 1 or len(paths["Pooling"]) != 1:
        raise LoadError(f"{folder.name}/modules.json must have one Transformer and one Pooling")
    return Steps(
        model=paths["Transformer"][0],
        poolings=_poolings(folder / paths["Pooling"][0]),
        dense=tuple(paths["Dense"]),
        normalize=bool(paths["Normalize"]),
    )


def conventions(folder: Path, model: str = "") -> Conventions:
    """What the folder and its subfolder `model` say of their texts; nothing is the default."""
    limits = _json(folder / model / "sentence_bert_config.json")
    texts = _json(folder / "config_sentence_transformers.json")
    return Conventions(
        most_tokens=limits.get("max_seq_length"),
        lower_case=bool(limits.get("do_lower_case")),
        prompts=texts.get("prompts") or {},
        prompt=texts.get("default_prompt_name"),
    )


def _poolings(folder: Path) -> tuple[str, ...]:
    config = _json(folder / "config.json")
    wanted = {
        name for name, on in config.items() if name.startswith("pooling_mode_") and on is True
    }
    if not wanted or not wanted <= _POOLINGS.keys() or config.get("include_prompt") is False:
        raise LoadError(f"{folder.name}/config.json pools in a way that is not supported")
    return tuple(pooling for name, pooling in _POOLINGS.items() if name in wanted)


def _json(path: Path) -> Any:
    """The file's content; an empty object where there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise LoadError(f"{path.name} is not JSON") from error
