"""What a training is in MLflow, in the end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Registered:
    """A version of a registered model; `page` shows its run, and is empty where there is none."""

    name: str
    version: str
    alias: str | None
    model_id: str
    run_id: str
    page: str
