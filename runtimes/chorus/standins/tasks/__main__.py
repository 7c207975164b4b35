"""Make stand-ins: python -m chorus.standins.tasks [TASK ...] [--into DIR]."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from chorus.standins.tasks.recipes import FOLDER, RECIPES

GROUP = Path(__file__).parents[4] / "models" / "tasks"


def main(
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", help="All when none is named.")
    ] = None,
    into: Annotated[Path, typer.Option(help="Writes INTO/TASK/standin.")] = GROUP,
) -> None:
    """Make the checkpoints of random weights that stand in for a real model of each task."""
    if unknown := set(tasks or ()) - RECIPES.keys():
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: not one of {', '.join(RECIPES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leave no remains
    chosen = tasks or list(RECIPES)
    for number, task in enumerate(chosen, 1):
        typer.echo(f"making stand-ins: {number} of {len(chosen)}, {task}")
        try:
            _make(task, into)
        except OSError as error:
            typer.echo(
                f"chorus: cannot make stand-ins in {into}: {error.strerror}; --weights hub needs "
                "none, --models-dir takes a copy of the folder that can be written",
                err=True,
            )
            raise typer.Exit(1) from None


def _make(task: str, into: Path) -> None:
    from transformers.utils import logging  # seconds to import, --help is not

    from chorus.standins.tasks.make import make

    logging.disable_progress_bar()
    make(task, into / task / FOLDER)


if __name__ == "__main__":
    typer.run(main)
