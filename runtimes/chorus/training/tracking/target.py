"""Where in MLflow a training is written down."""

import os
import re
from dataclasses import dataclass

from chorus.errors import UsageError
from chorus_weights.registry import client

_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
_RESERVED = re.compile(r"latest|[vV]\d+")  # MLflow takes none of these


@dataclass(frozen=True)
class Target:
    """An experiment, and the alias that is moved to the model's new version, if any."""

    experiment: str
    alias: str | None = None


def target(name: str, experiment: str | None, alias: str | None) -> Target:
    """The options, checked; the experiment has the model's name by default. Raises UsageError."""
    if not client.is_installed():
        raise UsageError("--mlflow needs MLflow's client: pip install -r requirements-mlflow.txt")
    if not os.environ.get(client.TRACKING):
        raise UsageError(
            f"--mlflow needs {client.TRACKING}, the address of an MLflow server; "
            "docs/mlflow.md starts one"
        )
    if alias is not None and (not _ALIAS.fullmatch(alias) or _RESERVED.fullmatch(alias)):
        raise UsageError(
            f"--mlflow-alias {alias}: letters, digits, _ and -, and neither latest nor v1"
        )
    return Target(experiment or name, alias)
