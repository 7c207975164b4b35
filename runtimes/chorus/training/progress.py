"""How far a run is: a bar per epoch where there is a terminal to draw it, else a line."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from chorus.training.early_stop import Epoch


class TrainingProgress(AbstractContextManager["TrainingProgress"]):
    """Shows the loss and, after each epoch, the validation F1; a Watcher."""

    def __init__(self, console: Console, epochs: int) -> None:
        self._console = console
        self._epochs = epochs
        self._bars = _bars(console) if console.is_terminal else None
        self._bar: TaskID | None = None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def resumed(self, history: Sequence[Epoch]) -> None:
        """Say that an earlier process has done these epochs."""
        self._say(f"going on after epoch {len(history)}")

    def began(self, epoch: int, steps: int) -> None:
        """Draw the bar of an epoch."""
        if self._bars:
            self._bar = self._bars.add_task(f"epoch {epoch}/{self._epochs}", total=steps, scores="")

    def stepped(self, loss: float) -> None:
        """Move it on."""
        if self._bars and self._bar is not None:
            self._bars.update(self._bar, advance=1, scores=f"loss {loss:.3f}")

    def ended(self, epoch: int, result: Epoch) -> None:
        """Write what the epoch came to beside its bar."""
        scores = f"loss {result.loss:.3f}, validation F1 {result.validation_f1:.3f}"
        if self._bars and self._bar is not None:
            self._bars.update(self._bar, scores=scores)
        else:
            self._say(f"epoch {epoch}/{self._epochs}: {scores}")

    def _say(self, text: str) -> None:
        self._console.print(f"chorus: {text}", soft_wrap=True)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[scores]}"),
        console=console,
    )
