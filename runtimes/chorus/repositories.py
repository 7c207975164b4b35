"""The repositories on the hub that models are made from, by what their settings say."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from chorus.catalog import SETTINGS, Model
from chorus.errors import UsageError
from chorus_weights import source
from chorus_weights.errors import SourceError
from chorus_weights.registry import uri as registry_uri
from chorus_weights.source import Part, Repository

# What mlserver-huggingface's users set for a whole process, a pipeline takes too.
_VARIABLE = "MLSERVER_MODEL_HUGGINGFACE_"


def of(models: Sequence[Model]) -> dict[str, list[Repository]]:
    """Every model's repositories; none for an ensemble, or for a folder. Raises UsageError."""
    return {model.name: _of(model) for model in models}


def registered(model: Model) -> str | None:
    """The URI of MLflow that a model is made from; None for others. Raises UsageError."""
    uri = _parameters(model).get("uri") or ""
    try:
        return uri if registry_uri.parse(uri) else None
    except SourceError as error:
        raise UsageError(f"model {model.name}: {error}") from None


def _parameters(model: Model) -> dict[str, Any]:
    """What its settings say of its weights; nothing for an ensemble."""
    if model.members or model.home is None:
        return {}
    settings = json.loads((model.home / SETTINGS).read_text(encoding="utf-8"))
    return settings.get("parameters") or {}


def _of(model: Model) -> list[Repository]:
    parameters = _parameters(model)
    if not parameters or model.home is None:
        return []
    extra = parameters.get("extra") or {}
    pretrained = {
        Part.WHOLE: _set(model, extra, "pretrained_model"),
        Part.TOKENIZER: _set(model, extra, "pretrained_tokenizer"),
    }
    try:
        found = source.of_settings(parameters.get("uri"), pretrained, model.home)
        vocoders = _set(model, extra, "pretrained_vocoder")
        named = [source.of_name(vocoder, model.home) for vocoder in vocoders]
    except SourceError as error:
        raise UsageError(f"model {model.name}: {error}") from None
    return found + [vocoder for vocoder in named if vocoder]


def _set(model: Model, extra: Mapping[str, str], name: str) -> list[str]:
    """The setting, or nothing; only pipelines have these."""
    value = extra.get(name) or os.environ.get(_VARIABLE + name.upper())
    return [value] if value and model.task else []
