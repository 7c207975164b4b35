"""Settings of the plugin: the process's from the environment, a model's from its JSON file."""

from __future__ import annotations

from typing import TypeVar

from mlserver.settings import ModelSettings
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .engine.errors import LoadError

# What `max_batch_size` and `max_batch_time` mean when a model's file leaves them out (MLServer's
# default 0 says "no batching", which is not on offer: rows in one batch, seconds in the queue).
DEFAULT_MAX_ROWS = 256
DEFAULT_MAX_WAIT = 30.0


class RuntimeSettings(BaseSettings):
    """What holds for the whole process, read from CHORUS_… variables."""

    model_config = SettingsConfigDict(env_prefix="CHORUS_", frozen=True)

    weights: str = "standin"
    """`standin`, `hub`, or a folder with one checkpoint folder per model name."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: the GPU if there is one."""
    max_batch_tokens: int | None = Field(None, ge=1)
    """Most tokens of a batch; by default measured when the models are loaded."""
    max_texts: int = Field(4096, ge=1)
    """Most texts in one request."""
    drain_delay: float = Field(0.5, ge=0)
    """Seconds for which a stopping server goes on answering, telling its callers to close."""
    max_text_chars: int = Field(1_000_000, ge=1)
    """Longest text; far beyond any model's limit, but short enough to tokenise in a moment."""


class _Extra(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassifierExtra(_Extra):
    """`parameters.extra` of a Classifier."""

    standin: str | None = None
    """Folder of small weights to use in place of `uri`, relative to the settings file."""


class Member(_Extra):
    """How an ensemble shows one of its models."""

    labels: dict[str, str] = Field(default_factory=dict)
    """The ensemble's own names for labels of the model; others stay as they are."""


class EnsembleExtra(_Extra):
    """`parameters.extra` of an Ensemble."""

    members: dict[str, Member] = Field(min_length=1)
    """Names of the member models, in the order of the answer."""


Extra = TypeVar("Extra", bound=_Extra)


def parse_extra(kind: type[Extra], settings: ModelSettings) -> Extra:
    """The typed `parameters.extra`; LoadError names the model and the field that is wrong."""
    values = (settings.parameters.extra if settings.parameters else None) or {}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("parameters.extra", *first["loc"]))
        raise LoadError(f"model {settings.name}: {field}: {first['msg']}") from None
