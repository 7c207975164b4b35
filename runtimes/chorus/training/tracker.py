"""Who writes down what a training does and comes to, somewhere else than in its folder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from chorus.training.data import Data
from chorus.training.early_stop import Epoch
from chorus.training.job import Job
from chorus.training.run import Watcher
from chorus.training.start import Start


class Tracked(Watcher, Protocol):
    """One training, written down while it goes on."""

    def published(self, folder: Path, results: Mapping[str, Any]) -> bool:
        """Take the model that is done; whether all of it is written down now."""


class Tracker(Protocol):
    """Where trainings are written down."""

    def run(
        self, job: Job, data: Data, start: Start, workspace: Path
    ) -> AbstractContextManager[Tracked]:
        """A training that begins, or goes on in this workspace; its end is that of the context."""


class Untracked:
    """Nowhere."""

    @contextmanager
    def run(self, job: Job, data: Data, start: Start, workspace: Path) -> Iterator[Tracked]:
        """Write down nothing of a training."""
        yield self

    def resumed(self, history: Sequence[Epoch]) -> None:
        """Nothing."""

    def began(self, epoch: int, steps: int) -> None:
        """Nothing."""

    def stepped(self, loss: float) -> None:
        """Nothing."""

    def ended(self, epoch: int, result: Epoch) -> None:
        """Nothing."""

    def published(self, folder: Path, results: Mapping[str, Any]) -> bool:
        """Nothing is left to do."""
        return True


class Watchers:
    """Several who watch one training, told one after another."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def resumed(self, history: Sequence[Epoch]) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.resumed(history)

    def began(self, epoch: int, steps: int) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.began(epoch, steps)

    def stepped(self, loss: float) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.stepped(loss)

    def ended(self, epoch: int, result: Epoch) -> None:
        """Tell all of them."""
        for watcher in self._watchers:
            watcher.ended(epoch, result)
