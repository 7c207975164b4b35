"""`chorus servers`: the model servers that a gateway in the cluster finds."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chorus.errors import Failed, UsageError
from chorus.terminal import console

if TYPE_CHECKING:
    from chorus.survey import Row, Survey

EXAMPLE = """
[bold]Example[/bold]: asked from inside of the cluster, and from outside

  kubectl exec deploy/chorus -c gateway -- chorus servers
  chorus servers --namespace chorus --json
"""
INSIDE: Final = "kubectl exec deploy/chorus -c gateway -- chorus servers"
STYLES: Final = {"ready": "green", "refused": "red"}

Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace",
        metavar="NAME",
        show_default="its own and CHORUS_DISCOVERY_NAMESPACES, or the kubeconfig's",
        help="Where to look; may be repeated.",
    ),
]


def servers(
    namespaces: Namespaces = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long a model server may take.")
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Show the model servers that a gateway in the cluster finds.

    They are the Services labelled chorus/protocol=v2, listed with the service
    account of a pod, elsewhere with the kubeconfig. Nothing is changed.
    """
    from chorus import survey  # its HTTP client is slow to import, --help is not
    from chorus_discovery.errors import ApiServerError, DiscoveryError, NotInCluster

    try:
        found = asyncio.run(survey.survey(namespaces or [], timeout))
    except NotInCluster:
        raise UsageError(
            "no cluster here: run this in a pod with a service account, or set KUBECONFIG"
        ) from None
    except ApiServerError as error:
        raise Failed(str(error)) from None
    except DiscoveryError as error:
        raise UsageError(str(error)) from None
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in found.rows], indent=2))
    elif found.rows:
        out = console()
        out.print(_table(out, found.rows))
    for line in _remarks(found):
        typer.echo(f"chorus: {line}", err=True)
    raise typer.Exit(1 if found.failures else 0)


def _table(out: Console, rows: "Sequence[Row]") -> Table:
    table = Table(box=box.SIMPLE_HEAD if out.is_terminal else None)
    for column in ("server", "url", "models", "state"):
        table.add_column(column, overflow="fold")
    for row in rows:
        state = f"{row.state}: {row.reason}" if row.reason else row.state
        names = ", ".join(row.models or ())
        cells = (row.server, row.url or "-", names or "-")
        table.add_row(*map(Text, cells), Text(state, style=STYLES.get(row.state, "yellow")))
    return table


def _remarks(found: "Survey") -> Sequence[str]:
    """What is to be said beside the rows."""
    remarks = [*found.failures]
    if not found.rows and not found.failures:
        where = " or ".join(found.namespaces)
        remarks.append(f"no Service is labelled chorus/protocol=v2 in namespace {where}")
    if not found.in_pod and any(row.state == "not reachable" for row in found.rows):
        remarks.append(f"a cluster's addresses are reached from its pods alone: {INSIDE}")
    return remarks
