"""`chorus pull`: the real weights of models, fetched once and pinned in a lock."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from chorus import catalog
from chorus.errors import UsageError
from chorus.terminal import console
from chorus_weights import lock as locks

if TYPE_CHECKING:
    from chorus.weights import Row

EXAMPLE = """
[bold]Example[/bold]: the five classifiers, then served without asking the hub again

  chorus pull
  chorus serve --weights hub
"""
INTERRUPTED = 130

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        show_default="those directly in the folder",
        help="Models, groups of them, or all; an ensemble brings its members.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--models-dir",
        envvar="CHORUS_MODELS_DIR",
        metavar="DIR",
        show_default="./models, else the repository's",
        help="One folder with a model-settings.json per model.",
    ),
]
LockFile = Annotated[
    Path | None,
    typer.Option(
        "--lock",
        envvar="CHORUS_MODELS_LOCK",
        metavar="FILE",
        show_default="models.lock in the folder",
        help="Where commits and bytes of the real weights are pinned.",
    ),
]


Weights = Annotated[
    Literal["hub"],
    typer.Option("--weights", help="Where from; as `chorus serve` has it, but only from there."),
]


def pull(
    names: Names = None,
    weights: Weights = "hub",
    models_dir: Folder = None,
    lock: LockFile = None,
    update: Annotated[
        bool, typer.Option("--update", help="Pin anew, where the branches point now.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """Fetch the real weights, and pin them in models.lock.

    Each repository's commit and the bytes of every file are pinned: later
    starts load exactly these.
    """
    try:
        folder = (models_dir or catalog.default_folder()).resolve()
        chosen = lock or folder / locks.NAME
        rows = _rows(folder, names or [], chosen, update=update)
    except KeyboardInterrupt:
        typer.echo("chorus: interrupted; the next pull goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps([row.document() for row in rows], indent=2))
    else:
        _show(rows, chosen)


def _rows(folder: Path, names: Sequence[str], lock: Path, *, update: bool) -> "list[Row]":
    from chorus import weights  # the hub's library is slow to import, --help is not

    models, _ = catalog.select(catalog.read(folder), names)
    rows = weights.fetch(models, lock, console(stderr=True), update=update)
    if not rows:
        raise UsageError("none of these models is made from a repository on the hub")
    return rows


def _show(rows: "Sequence[Row]", lock: Path) -> None:
    out = console()
    out.print(_table(out, rows))
    out.print(f"pinned in {os.path.relpath(lock)}", soft_wrap=True)


def _table(out: Console, rows: "Sequence[Row]") -> Table:
    table = Table(box=box.SIMPLE_HEAD if out.is_terminal else None)
    for column in ("model", "repository", "revision", "size", "state"):
        table.add_column(column, overflow="fold", justify="right" if column == "size" else "left")
    for row in rows:
        model = row.pulled.model
        size = f"{model.size / 1e6:,.1f} MB"
        name = ", ".join(row.models)
        table.add_row(name, model.repository, model.revision[:12], size, row.state)
    return table
