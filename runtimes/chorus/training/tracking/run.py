"""One training as a run of MLflow: followed epoch by epoch, its model registered in the end."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from chorus.training.early_stop import Epoch
from chorus.training.tracking import facts
from chorus.training.tracking.registered import Registered
from chorus_weights.errors import RegistryError
from chorus_weights.registry.client import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

_MOST_METRICS = 1000  # of one request
_FILES = ("confusion.png", "training.json", "README.md")


class MlflowRun:
    """A training's run; a Tracked. What MLflow does not take, the training does not fail by."""

    def __init__(
        self,
        client: "MlflowClient",
        run_id: str,
        said: Mapping[str, str],
        alias: str | None,
        page: str,
        console: Console,
    ) -> None:
        self.registered: Registered | None = None
        self.problem = ""
        """Why MLflow lacks a part of it, in one line."""
        self._client = client
        self._run_id = run_id
        self._said = said
        self._alias = alias
        self._page = page
        self._console = console
        self._unsent: dict[int, Epoch] = {}

    def resumed(self, history: Sequence[Epoch]) -> None:
        """Send the epochs that an earlier process has done and not sent."""
        self._unsent = dict(enumerate(history, 1))
        try:
            with explained("this run"):
                sent = self._client.get_metric_history(self._run_id, "loss")
        except RegistryError as error:
            self._gave_up(error)
            return
        self._unsent = {n: e for n, e in self._unsent.items() if n not in {m.step for m in sent}}
        self._send()

    def began(self, epoch: int, steps: int) -> None:
        """Nothing: a run is told of whole epochs."""

    def stepped(self, loss: float) -> None:
        """Nothing."""

    def ended(self, epoch: int, result: Epoch) -> None:
        """Send the epoch's metrics; once MLflow is away, they are kept until the end."""
        self._unsent[epoch] = result
        if not self.problem:
            self._send()

    def published(self, folder: Path, results: Mapping[str, Any]) -> bool:
        """Log what is left of the metrics, the files, and the model; whether all of it is there."""
        self.problem = ""
        try:
            with explained("this run"):
                self._log(folder, results)
        except RegistryError as error:
            self.problem = str(error)
        except KeyboardInterrupt:
            self.problem = "interrupted"
        except Exception as error:  # whatever a flavour makes of a model; its text may be a page
            self.problem = f"the model cannot be logged ({type(error).__name__})"
        return not self.problem

    def _log(self, folder: Path, results: Mapping[str, Any]) -> None:
        from chorus.training.tracking import model  # its libraries are slow to import

        self._log_epochs()
        self._log_metrics(facts.of_results(results), results["best_epoch"])
        for name in _FILES:
            self._client.log_artifact(self._run_id, str(folder / name))
        tags = facts.tags(results, self._said)
        model_id, version = model.log(folder, results, self._run_id, tags)
        name = results["name"]
        if self._alias:
            self._client.set_registered_model_alias(name, self._alias, version)
        self.registered = Registered(name, version, self._alias, model_id, self._run_id, self._page)

    def _send(self) -> None:
        try:
            with explained("this run"):
                self._log_epochs()
        except RegistryError as error:
            self._gave_up(error)

    def _gave_up(self, error: RegistryError) -> None:
        self.problem = str(error)
        self._console.print(
            f"chorus: {error}; training goes on, and tries again when it is done", soft_wrap=True
        )

    def _log_epochs(self) -> None:
        for number in sorted(self._unsent):
            self._log_metrics(facts.of_epoch(self._unsent[number]), number)
            del self._unsent[number]

    def _log_metrics(self, values: Mapping[str, float], step: int) -> None:
        metrics = _metrics(values, step)
        for start in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(self._run_id, metrics[start : start + _MOST_METRICS])


def _metrics(values: Mapping[str, float], step: int) -> "list[Metric]":
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, step) for name, value in values.items()]
