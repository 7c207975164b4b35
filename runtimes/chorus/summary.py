"""What is served and where, once everything is ready."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chorus import example
from chorus.catalog import Model
from chorus.readiness import Weights
from chorus.runtime import Runtime

STANDIN = "standin"
RANDOM = "random"  # of a stand-in's weights: nobody has trained them


def show(
    console: Console,
    models: Sequence[Model],
    weights: Mapping[str, Weights],
    gateway: str,
    runtimes: Sequence[Runtime],
    needs_key: bool = False,
    page: str | None = None,
) -> None:
    """Print the models, the URLs, that of the page first, and a request to paste."""
    names = [model.name for model in models]
    console.print(_models(console, models, weights))
    if standins := [model for model in models if weights[model.name].kind == STANDIN]:
        console.print(Text(_standins(standins, models, weights), style="yellow"))
    console.print()
    console.print(_urls(names, gateway, runtimes, page))
    console.print()
    if needs_key:
        console.print(Text("Every request needs a key, which is $KEY here:"))
    console.print(Text(example.request(models, gateway, needs_key)), soft_wrap=True)


def _models(console: Console, models: Sequence[Model], weights: Mapping[str, Weights]) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None)
    table.add_column("model", no_wrap=True)
    table.add_column("weights", overflow="fold")
    table.add_column("state", no_wrap=True)
    for model in models:
        state = Text("ready", style="green")
        table.add_row(Text(model.name), Text(_weights(model, weights[model.name])), state)
    return table


def _weights(model: Model, weights: Weights) -> str:
    if model.members:
        return f"those of its {len(model.members)} members"
    if weights.kind == STANDIN:
        return "stand-in, random weights" if weights.standin == RANDOM else "stand-in"
    return " ".join(filter(None, (weights.kind, weights.checkpoint))) or "unknown"


def _urls(
    names: Sequence[str], gateway: str, runtimes: Sequence[Runtime], page: str | None
) -> Table:
    first, *others = runtimes
    table = Table.grid(padding=(0, 2, 0, 1))
    if page:
        table.add_row("page", page)
    if example.ENSEMBLE in names:
        table.add_row("process", f"http://{gateway}/process")
    table.add_row("models", f"http://{gateway}/models/{{name}}")
    table.add_row("docs", f"http://{gateway}/docs")
    table.add_row("V2 REST", f"http://{first.v2}/v2")
    table.add_row("gRPC", first.grpc)
    table.add_row("metrics", f"http://{first.metrics}/metrics")
    if others:
        devices = ", ".join(one.device for one in runtimes)
        table.add_row("", f"{len(runtimes)} processes: {devices}; V2 clients reach the first")
        table.add_row("", f"metrics of the others: {', '.join(one.metrics for one in others)}")
    return table


def _standins(
    standins: Sequence[Model], models: Sequence[Model], weights: Mapping[str, Weights]
) -> str:
    trained = [model for model in standins if weights[model.name].standin != RANDOM]
    lines = []
    if trained:
        everyone = [model for model in models if not model.members]
        names = ", ".join(model.name for model in trained)
        which = "Stand-ins" if trained == everyone else f"Stand-ins for {names}"
        lines.append(f"{which}: small models trained for trying out, not the real ones.")
    if len(trained) < len(standins):
        lines.append("Random weights: answers have the right form and mean nothing.")
    return "\n".join([*lines, "For the real ones: the same with --weights hub"])
