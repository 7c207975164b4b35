"""MLflow as a Tracker: one experiment, a run per training."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.console import Console

from chorus.training.data import Data
from chorus.training.job import Job
from chorus.training.start import Start
from chorus.training.tracking import facts, place
from chorus.training.tracking.run import MlflowRun
from chorus.training.tracking.target import Target
from chorus_weights.errors import RegistryError
from chorus_weights.registry import client as mlflow_client
from chorus_weights.registry.client import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


class MlflowTracker:
    """Asks the server at once, so that one that is away is told before the training.

    Raises RegistryError.
    """

    def __init__(self, target: Target, console: Console) -> None:
        self._target = target
        self._console = console
        self._server = mlflow_client.tracking_server()
        self._client = mlflow_client.client()
        with explained(f"experiment {target.experiment}"):
            self._experiment = _experiment(self._client, target.experiment)
        self._run: MlflowRun | None = None

    @property
    def problem(self) -> str:
        """Why MLflow lacks a part of the training, in one line; empty where it has all of it."""
        if self._run is None or not self._run.problem:
            return ""
        return (
            f"{self._run.problem}; the model is here, MLflow has not all of it: the same command "
            "with --replace sends it, and trains nothing again"
        )

    @property
    def document(self) -> dict[str, Any] | None:
        """The version that the training has come to, for programs; None where there is none."""
        registered = self._run.registered if self._run else None
        return asdict(registered) if registered else None

    @contextmanager
    def run(self, job: Job, data: Data, start: Start, workspace: Path) -> Iterator[MlflowRun]:
        """A new run, or the one of this workspace.

        In the end it is FINISHED; KILLED when the user ends it, FAILED by any other exception, and
        where MLflow lacks a part of it.
        """
        said = facts.parameters(job, data, start)
        with explained(f"experiment {self._target.experiment}"):
            run_id = self._continued(workspace) or self._begun(job, said)
        place.save(workspace, self._server, run_id)
        page = self._page(run_id)
        self._console.print(f"chorus: MLflow follows it: {page or run_id}", soft_wrap=True)
        alias = self._target.alias
        self._run = run = MlflowRun(self._client, run_id, said, alias, page, self._console)
        try:
            yield run
        except KeyboardInterrupt:
            self._end(run_id, "KILLED")
            raise
        except BaseException:
            self._end(run_id, "FAILED")
            raise
        self._end(run_id, "FAILED" if run.problem else "FINISHED")

    def _continued(self, workspace: Path) -> str | None:
        """The run that this workspace belongs to, running again; None if MLflow has it not."""
        run_id = place.load(workspace, self._server)
        if run_id is None:
            return None
        try:
            with explained(f"run {run_id}"):
                self._client.update_run(run_id, status="RUNNING")
        except RegistryError:  # deleted meanwhile
            return None
        return run_id

    def _begun(self, job: Job, said: dict[str, str]) -> str:
        from mlflow.entities import Param

        tags = {"mlflow.source.name": "chorus train"}
        run = self._client.create_run(self._experiment, tags=tags, run_name=job.name)
        params = [Param(name, value) for name, value in said.items()]
        self._client.log_batch(run.info.run_id, params=params)
        return str(run.info.run_id)

    def _end(self, run_id: str, status: str) -> None:
        with suppress(RegistryError), explained(f"run {run_id}"):
            self._client.set_terminated(run_id, status)

    def _page(self, run_id: str) -> str:
        if urlsplit(self._server).scheme not in ("http", "https"):
            return ""
        return f"{self._server.rstrip('/')}/#/experiments/{self._experiment}/runs/{run_id}"


def _experiment(client: "MlflowClient", name: str) -> str:
    """Its id; made if it is not there. One that was deleted is refused."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage != "active":
        raise RegistryError(
            f"experiment {name} was deleted in MLflow; restore it, or choose --mlflow-experiment"
        )
    return str(found.experiment_id)
