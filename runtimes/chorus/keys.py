"""`chorus keys`: makes, shows and revokes the API keys of a file."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from chorus.commands import Commands
from chorus.errors import UsageError
from chorus.key_file import Entry, KeyFile

PREFIX: Final = "chorus_"  # by which a scanner can know one that has leaked
KEY_BYTES: Final = 32

EXAMPLE = """
[bold]Example[/bold]: a key for an application, and a server that asks for one

  KEY=$(chorus keys new webshop --rate 100/minute)
  CHORUS_API_KEYS_FILE=keys.txt chorus serve
"""

LIST_EXAMPLE = """
[bold]Example[/bold]: what each key may do, for people and for programs

  chorus keys list --file keys.txt
  chorus keys list --json > keys.json
"""

REVOKE_EXAMPLE = """
[bold]Example[/bold]: the key of an application that is no more

  chorus keys revoke webshop --file keys.txt
"""

app = typer.Typer(
    cls=Commands,
    rich_markup_mode="rich",
    help="API keys: make one, list them, revoke one.",
    epilog=EXAMPLE,
)

File = Annotated[
    Path,
    typer.Option(
        "--file",
        envvar="CHORUS_API_KEYS_FILE",
        metavar="FILE",
        dir_okay=False,
        help="The file of keys; it holds their digests, never a key.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is, for logs and limits.")]


@app.command(epilog=EXAMPLE)
def new(
    name: Name,
    file: File = Path("keys.txt"),
    admin: Annotated[
        bool, typer.Option("--admin", help="May do everything, loading models included.")
    ] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="May read the metrics alone.")] = False,
    rate: Annotated[
        str, typer.Option(metavar="N/UNIT", help="Most requests in a second, minute or hour.")
    ] = "",
    concurrency: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most requests at one time.")
    ] = None,
) -> None:
    """Make a key, and print it: nobody can show it again.

    The file has its digest, and what holds for whoever presents it.
    """
    if admin and metrics:
        raise UsageError("--admin includes the metrics; leave --metrics out")
    scope = "admin" if admin else "metrics" if metrics else "infer"
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    KeyFile(file).add(Entry.of(name, key, scope, rate, concurrency))
    typer.echo(key)
    typer.echo(
        f"chorus: this is the only time that the key of {name} is shown. Servers started with "
        f"CHORUS_API_KEYS_FILE={file} take it; send it as `Authorization: Bearer KEY`.",
        err=True,
    )


@app.command("list", epilog=LIST_EXAMPLE)
def list_(
    file: File = Path("keys.txt"),
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Show whose keys there are, and what each may do."""
    entries = KeyFile(file).entries()
    if as_json:
        typer.echo(json.dumps([_document(entry) for entry in entries], indent=2))
    else:
        _show(entries)


def _document(entry: Entry) -> dict[str, str | int | None]:
    """An entry without its digest."""
    return {
        "name": entry.name,
        "scope": entry.scope,
        "rate": entry.rate or None,
        "concurrency": int(entry.concurrency) if entry.concurrency.isdecimal() else None,
    }


def _show(entries: Sequence[Entry]) -> None:
    rows = [("name", "scope", "rate", "concurrency")]
    rows += [(one.name, one.scope, one.rate or "-", one.concurrency or "-") for one in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command(epilog=REVOKE_EXAMPLE)
def revoke(name: Name, file: File = Path("keys.txt")) -> None:
    """Revoke a key: running servers refuse it from the next second on."""
    KeyFile(file).remove(name)
    typer.echo(f"chorus: the key of {name} is revoked", err=True)
