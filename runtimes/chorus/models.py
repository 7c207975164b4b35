"""`chorus models`: what is configured, from which weights, how large, and whether it is ready."""

import asyncio
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chorus import catalog, ports, pull, upstream_key
from chorus.terminal import console
from chorus_weights import lock as locks

if TYPE_CHECKING:
    from chorus.configured import Real, Row, Standin

EXAMPLE = """
[bold]Example[/bold]: all of them, for people and for programs

  chorus models all
  chorus models all --json > models.json
"""
STYLES: Final = {"ready": "green", "unavailable": "red"}


def models(
    names: pull.Names = None,
    models_dir: pull.Folder = None,
    lock: pull.LockFile = None,
    host: Annotated[
        str, typer.Option(envvar="CHORUS_HOST", metavar="HOST", help="Where the model server is.")
    ] = "127.0.0.1",
    v2_port: Annotated[
        int,
        typer.Option(
            envvar="CHORUS_V2_PORT", min=1, max=65535, metavar="PORT", help="Its V2 over REST."
        ),
    ] = 8080,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Show the models: their weights, and which of them are served."""
    from chorus import configured  # its libraries are slow to import, --help is not

    address = f"{ports.reachable(host)}:{v2_port}"
    folder = (models_dir or catalog.default_folder()).resolve()
    chosen, _ = catalog.select(catalog.read(folder), names or [])
    served = asyncio.run(configured.ask(address, os.environ.get(upstream_key.VARIABLE, "")))
    rows = configured.configured(chosen, lock or folder / locks.NAME, served or {})
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    out = console()
    out.print(_table(out, rows, is_up=served is not None))
    for line in _remarks(rows, address, is_up=served is not None):
        typer.echo(f"chorus: {line}", err=True)


def _table(out: Console, rows: "Sequence[Row]", *, is_up: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD if out.is_terminal else None)
    for column in ("model", "task", "stand-in", "real weights", "state"):
        table.add_column(column, overflow="fold")
    for row in rows:
        state = (row.state or "not served") if is_up else "-"
        weights = row.checkpoint if row.registered and row.checkpoint else row.weights
        said = f"{state}, {weights}" if weights else state
        task = f"ensemble of {len(row.members)}" if row.members else row.task
        cells = (row.name, task, _standin(row.standin), _made_from(row))
        table.add_row(*map(Text, cells), Text(said, style=STYLES.get(state, "yellow")))
    return table


def _standin(standin: "Standin | None") -> str:
    if standin is None:
        return "-"
    if standin.bytes is None:
        return "made on first use"
    return f"{_size(standin.bytes)}, random" if standin.random else _size(standin.bytes)


def _made_from(row: "Row") -> str:
    return row.registered or "\n".join(map(_real, row.real)) or "-"


def _real(real: "Real") -> str:
    if real.revision is None or real.bytes is None:
        return f"{real.repository}, not pinned"
    here = "here" if real.here else "not here"
    return f"{real.repository}@{real.revision[:12]}, {_size(real.bytes)}, {here}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _remarks(rows: "Iterable[Row]", address: str, *, is_up: bool) -> Iterator[str]:
    """What is to be said beside the rows."""
    if not is_up:
        yield f"no model server answers at {address}; chorus serve starts one"
    if any(not real.here for row in rows for real in row.real):
        yield "chorus pull fetches and pins real weights"
