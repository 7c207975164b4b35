"""How a setting names a model of MLflow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chorus_weights.errors import SourceError
from chorus_weights.lock import is_inside

LATEST = "latest"
_FORMS = "models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID or runs:/ID/PATH"
_LOGGED = re.compile(r"models:/(m-[0-9a-f]{32})")
_ALIAS = re.compile(r"models:/(\w[\w .-]*)@([\w-]+)")
_VERSION = re.compile(rf"models:/(\w[\w .-]*)/(\d+|{LATEST})")
_STAGE = re.compile(r"models:/(\w[\w .-]*)/\w+")
_RUN = re.compile(r"runs:/([A-Za-z0-9][\w-]*)/(\w[\w ./-]*)")


@dataclass(frozen=True)
class ModelUri:
    """One of: a name with a version or an alias, a logged model's id, a run's id with a path."""

    text: str
    name: str = ""
    version: str = ""
    alias: str = ""
    model_id: str = ""
    run_id: str = ""
    path: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether it means the same for ever: no alias, and not the latest version."""
        return not self.alias and self.version != LATEST


def parse(uri: str) -> ModelUri | None:
    """What `parameters.uri` names; None for what is not MLflow's. Raises SourceError."""
    if not uri.startswith(("models:", "runs:")):
        return None
    if found := _LOGGED.fullmatch(uri):
        return ModelUri(uri, model_id=found[1])
    if found := _ALIAS.fullmatch(uri):
        return ModelUri(uri, name=found[1], alias=found[2])
    if found := _VERSION.fullmatch(uri):
        return ModelUri(uri, name=found[1], version=found[2])
    if (found := _RUN.fullmatch(uri)) and is_inside(found[2]):
        return ModelUri(uri, run_id=found[1], path=found[2])
    if found := _STAGE.fullmatch(uri):
        raise SourceError(
            f"{uri} names a stage, which MLflow has given up; name an alias or a version, as in "
            f"models:/{found[1]}@champion"
        )
    raise SourceError(f"{uri} is not of the form {_FORMS}")
