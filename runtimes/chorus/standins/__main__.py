"""Train the stand-ins: python -m chorus.standins [KEY ...] [--out DIR]."""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from chorus.standins.build import build
from chorus.standins.catalogue import STANDINS

MODELS = Path(__file__).parents[3] / "models"

# One thread: the order of sums, and so every byte, depends on their number, and matrices this small
# leave a second one nothing but waiting.
THREADS = 1


def main(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="All five when none is named.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Writes OUT/KEY/standin.")] = MODELS,
) -> None:
    """Train the small models that stand in for the five real ones."""
    if unknown := set(keys or ()) - STANDINS.keys():
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: not one of {', '.join(STANDINS)}")
    torch.set_num_threads(THREADS)
    for key in keys or STANDINS:
        start = time.perf_counter()
        accuracy = build(STANDINS[key], out / key / "standin")
        seconds = time.perf_counter() - start
        Console().print(f"{key}: {accuracy:.1%} of the hand-written sentences, {seconds:.0f} s")


if __name__ == "__main__":
    typer.run(main)
