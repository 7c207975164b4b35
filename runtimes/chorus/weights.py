"""The real weights of models: here, pinned, and verified; the same for `pull` and for `serve`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from chorus import repositories
from chorus.catalog import Model
from chorus.fetch_progress import FetchProgress
from chorus.interruption import terminated_as_interrupted
from chorus_weights.plan import Change
from chorus_weights.pull import Pulled, pull
from chorus_weights.source import Repository


@dataclass(frozen=True)
class Row:
    """A repository, and the models that are made from it."""

    models: tuple[str, ...]
    pulled: Pulled

    @property
    def state(self) -> str:
        """What has become of its pin."""
        before = self.pulled.before
        moved = self.pulled.change is Change.MOVED and before
        return f"moved from {before[:12]}" if moved and before else self.pulled.change

    def document(self) -> Mapping[str, object]:
        """The same for a program."""
        model = self.pulled.model
        return {
            "models": self.models,
            "repository": model.repository,
            "revision": model.revision,
            "bytes": model.size,
            "fetched_bytes": self.pulled.fetched,
            "state": self.pulled.change,
            "previous_revision": self.pulled.before,
        }


def fetch(
    models: Sequence[Model],
    lock: Path,
    console: Console,
    *,
    update: bool = False,
    verified: bool = True,
) -> list[Row]:
    """Have what the models are made from as it is locked, and lock what is not.

    Shows how far it is, and says what it has pinned. Raises UsageError, WeightsError, and
    KeyboardInterrupt for SIGTERM too.
    """
    wanted = repositories.of(models)
    everything = [repository for found in wanted.values() for repository in found]
    with terminated_as_interrupted(), FetchProgress(console) as shown:
        pulled = pull(
            everything,
            lock,
            update=update,
            verified=verified,
            planned=shown.planned,
            told=shown.told,
        )
    rows = [
        Row(tuple(name for name, found in wanted.items() if _names(found, one)), one)
        for one in pulled
    ]
    for row in rows:
        _say(row.pulled, console)
    return rows


def _names(found: Sequence[Repository], pulled: Pulled) -> bool:
    return any(repository.name == pulled.model.repository for repository in found)


def _say(pulled: Pulled, console: Console) -> None:
    model = pulled.model
    if pulled.change is Change.PINNED:
        console.print(
            f"chorus: {model.repository} was not pinned; it is now, at {model.revision[:12]}, "
            f"where {model.reference} points today",
            soft_wrap=True,
        )
