"""MLflow as a Tracker, once it is known to be there."""

from rich.console import Console

from chorus.training.tracking.target import target
from chorus.training.tracking.tracker import MlflowTracker


def tracker(
    name: str, experiment: str | None, alias: str | None, console: Console
) -> MlflowTracker:
    """Follow the training of a model of this name.

    Raises UsageError for options, RegistryError where no MLflow answers.
    """
    return MlflowTracker(target(name, experiment, alias), console)
