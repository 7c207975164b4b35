"""What is to be trained: all that decides the bytes of the model."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chorus.training.recipe import Recipe

FROM_SCRATCH: Final = Recipe(epochs=30, batch_size=16)
FINE_TUNED: Final = Recipe(
    epochs=3, batch_size=16, learning_rate=2e-5, embedding_rate=2e-5, max_length=256
)


@dataclass(frozen=True)
class Job:
    """`texts` and `label` are columns of `file`; no `base` means from scratch.

    `patience` is in epochs; `balanced` weighs the labels as if each had as many rows.
    """

    file: Path
    texts: tuple[str, ...]
    label: str
    name: str
    base: str | None
    recipe: Recipe
    patience: int
    validation_file: Path | None
    balanced: bool
    seed: int

    @property
    def command(self) -> str:
        """The command that does it again: defaults written out, files without their folders."""
        argv = ["chorus", "train", self.file.name]
        for column in self.texts:
            argv += ["--text", column]
        argv += ["--label", self.label, "--name", self.name]
        if self.base:
            argv += ["--base", Path(self.base).name if Path(self.base).is_dir() else self.base]
        if self.validation_file:
            argv += ["--validation-file", self.validation_file.name]
        else:
            argv += ["--validation", str(self.recipe.held_out)]
        return shlex.join([*argv, *self._numbers()])

    def _numbers(self) -> list[str]:
        recipe = self.recipe
        return [
            *("--epochs", str(recipe.epochs), "--batch-size", str(recipe.batch_size)),
            *("--learning-rate", f"{recipe.learning_rate:g}"),
            *("--max-length", str(recipe.max_length), "--patience", str(self.patience)),
            *("--class-weights", "auto" if self.balanced else "none", "--seed", str(self.seed)),
        ]


def recipe(
    *,
    fine_tuned: bool,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    max_length: int | None,
    validation: float,
) -> Recipe:
    """The default of its kind, with what was chosen instead."""
    default = FINE_TUNED if fine_tuned else FROM_SCRATCH
    rate = learning_rate or default.learning_rate
    return dataclasses.replace(
        default,
        epochs=epochs or default.epochs,
        batch_size=batch_size or default.batch_size,
        learning_rate=rate,
        embedding_rate=rate * default.embedding_rate / default.learning_rate,
        max_length=max_length or default.max_length,
        held_out=validation,
    )
