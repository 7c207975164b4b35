"""`chorus keys`: makes, shows and revokes the API keys of a file."""

import secrets
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from chorus.errors import UsageError
from chorus.key_file import Entry, KeyFile

PREFIX: Final = "chorus_"  # by which a scanner can know one that has leaked
KEY_BYTES: Final = 32

EXAMPLE = """
[bold]Example[/bold]: a key for an application, and a server that asks for one

  KEY=$(chorus keys new webshop --rate 100/minute)
  CHORUS_API_KEYS_FILE=keys.txt chorus serve
"""

app = typer.Typer(
    no_args_is_help=True,
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
    """Make a key, note its digest, and print the key, which nobody can show again."""
    if admin and metrics:
        _refuse(UsageError("--admin includes the metrics; leave --metrics out"))
    scope = "admin" if admin else "metrics" if metrics else "infer"
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    try:
        KeyFile(file).add(Entry.of(name, key, scope, rate, concurrency))
    except UsageError as error:
        _refuse(error)
    typer.echo(key)
    typer.echo(
        f"chorus: this is the only time that the key of {name} is shown. Servers started with "
        f"CHORUS_API_KEYS_FILE={file} take it; send it as `Authorization: Bearer KEY`.",
        err=True,
    )


@app.command("list")
def list_(file: File = Path("keys.txt")) -> None:
    """Show whose keys there are, and what each may do.

    Example: chorus keys list --file keys.txt
    """
    try:
        entries = KeyFile(file).entries()
    except UsageError as error:
        _refuse(error)
    rows = [("name", "scope", "rate", "concurrency")]
    rows += [(one.name, one.scope, one.rate or "-", one.concurrency or "-") for one in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def revoke(name: Name, file: File = Path("keys.txt")) -> None:
    """Take a key out of the file; running servers refuse it from the next second on.

    Example: chorus keys revoke webshop --file keys.txt
    """
    try:
        KeyFile(file).remove(name)
    except UsageError as error:
        _refuse(error)
    typer.echo(f"chorus: the key of {name} is revoked", err=True)


def _refuse(error: UsageError) -> NoReturn:
    typer.echo(f"chorus: {error}", err=True)
    raise typer.Exit(2)
