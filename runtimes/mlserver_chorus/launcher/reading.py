"""What the server is to serve, read so that nothing wrong is passed over. Raises LoadError."""

from __future__ import annotations

import glob
import json
import os
from pathlib import Path
from typing import Any

from mlserver import ModelSettings
from mlserver.repository.load import load_model_settings
from mlserver.settings import ModelParameters, Settings
from pydantic import ValidationError

from chorus_http.access.keys import KeyRing, KeysError

from ..engine.errors import LoadError
from ..settings import RuntimeSettings
from .server_settings import ServerSettings

# For MLServer and for uvicorn, each of which would set up its own.
LOGS_AS_THEY_ARE = {"version": 1, "incremental": True}

MODEL_SETTINGS = "model-settings.json"
IMPLEMENTATION = "MLSERVER_MODEL_IMPLEMENTATION"


def read_runtime_settings() -> RuntimeSettings:
    """Ours, from CHORUS_… variables; the error names the variable."""
    try:
        return RuntimeSettings()
    except ValidationError as error:
        field, problem = first_line(error).split(": ", 1)
        raise LoadError(f"CHORUS_{field.upper()}: {problem}") from None


def read_keys(ours: RuntimeSettings) -> KeyRing:
    """Who may call; the error names the variable, and nothing of a key."""
    try:
        return KeyRing.read(
            ours.api_keys.get_secret_value(),
            ours.admin_keys.get_secret_value(),
            ours.api_keys_file,
            ours.upstream_key.get_secret_value(),
            rate=ours.rate_limit,
            concurrency=ours.max_concurrency,
        )
    except KeysError as error:
        raise LoadError(str(error)) from None


def read_models(root: Path, names: list[str] | None) -> list[ModelSettings]:
    """The settings of the named models below a folder, all of them by default, ensembles last.

    Where no folder has a model, it is the one of MLSERVER_MODEL_… variables, as in MLServer.
    Raises LoadError for a file that cannot be read (MLServer would skip it and start without the
    model), for a name that no file has, and where there is no model at all.
    """
    models: dict[str, ModelSettings] = {}
    for path in _model_files(root):
        try:
            settings = load_model_settings(str(path))
        except Exception as error:
            raise LoadError(f"{path} cannot be read: {first_line(error)}") from error
        if settings.name in models:
            raise LoadError(f"{path}: another model is called {settings.name} already")
        models[settings.name] = settings
    if not models and IMPLEMENTATION in os.environ:
        settings = _model_of_environment()
        models[settings.name] = settings
    if not models:
        raise LoadError(f"there is no {MODEL_SETTINGS} below {root}")
    unknown = [name for name in names or () if name not in models]
    if unknown:
        raise LoadError(f"no model is called {unknown[0]}; {root} holds {', '.join(models)}")
    wanted = models if names is None else names
    return sorted((models[name] for name in wanted), key=_has_members)


def _has_members(settings: ModelSettings) -> bool:
    """An ensemble is loaded last: it looks for its members among the models that came before."""
    extra = settings.parameters.extra if settings.parameters else None
    return bool(extra and extra.get("members"))


def _model_files(root: Path) -> list[Path]:
    """Where MLServer's repository finds models: behind links too, and in no hidden folder.

    Of a mounted ConfigMap each file is there twice: as a link, and in a hidden folder.
    """
    pattern = f"**/{MODEL_SETTINGS}"
    return sorted(root / found for found in glob.glob(pattern, root_dir=root, recursive=True))  # noqa: PTH207


def _model_of_environment() -> ModelSettings:
    """The model that variables alone describe, as MLServer's repository lists it."""
    try:
        settings = ModelSettings()
        settings.parameters = ModelParameters()
    except Exception as error:
        raise LoadError(f"the variables MLSERVER_MODEL_…: {first_line(error)}") from error
    if not settings.name:
        raise LoadError(f"MLSERVER_MODEL_NAME: give the model of {IMPLEMENTATION} a name")
    return settings


def read_settings(root: Path, **overrides: Any) -> Settings:
    """MLServer's settings: overrides, MLSERVER_… variables, `settings.json`, our defaults.

    The file is the one in the models' folder. Raises LoadError for a variable, or a file, that
    cannot be read.
    """
    settings = _server_settings(root / "settings.json")
    settings.model_repository_root = str(root)
    settings.extensions = [*settings.extensions, "binary_tensor_data"]
    # Anything else would give each worker its own engine and its own copy of the weights.
    settings.parallel_workers = 0
    settings.debug = False  # it shows tracebacks to callers, and their paths to the log
    settings.cache_enabled = False  # it tells requests of two models apart by their bodies alone
    if settings.logging_settings:
        raise LoadError("logging_settings: set CHORUS_LOG_FORMAT and CHORUS_LOG_LEVEL instead")
    settings.logging_settings = LOGS_AS_THEY_ARE
    for name, value in overrides.items():
        if value is not None:
            setattr(settings, name, value)
    return settings


def _server_settings(path: Path) -> Settings:
    try:
        return ServerSettings(**json.loads(path.read_text()) if path.is_file() else {})
    except Exception as error:
        problem = first_line(error)
        variable = f"MLSERVER_{problem.split(':')[0].upper()}"
        if isinstance(error, ValidationError) and variable in os.environ:
            raise LoadError(f"{variable}: {problem.split(': ', 1)[1]}") from error
        raise LoadError(f"{path} cannot be read: {problem}") from error


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
