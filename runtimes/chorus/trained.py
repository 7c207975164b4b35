"""What `chorus train` says in the end."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chorus.terminal import console


def show_plan(plan: Mapping[str, Any]) -> None:
    """The balance of the labels, the split, and the command with every default."""
    out = console()
    table = _table(out, "label", "rows")
    for name, rows in plan["rows"].items():
        table.add_row(Text(name), f"{rows:,}")
    out.print(table)
    out.print(
        f"{plan['trained_rows']:,} rows to train on, {plan['validation_rows']:,} held out; nothing "
        "is written. It would be:",
        soft_wrap=True,
    )
    out.print(Text(plan["command"]), soft_wrap=True)


def show(results: Mapping[str, Any], into: Path) -> None:
    """How well the model does, where it lies, and how to ask it."""
    out = console()
    table = _table(out, "label", "precision", "recall", "F1", "held out")
    for name, one in results["labels"].items():
        scores = (f"{one[score]:.1%}" for score in ("precision", "recall", "f1"))
        table.add_row(Text(name), *scores, f"{one['support']:,}")
    out.print(table)
    name = results["name"]
    registered = results.get("mlflow")
    lines = (
        f"accuracy {results['accuracy']:.1%}, macro F1 {results['macro_f1']:.1%} of "
        f"{results['validation_rows']:,} rows held out, after epoch {results['best_epoch']} of "
        f"{len(results['epochs'])}",
        f"it is in {os.path.relpath(into / name)}: its card, the confusion matrix, the weights",
        *([_registered(registered)] if registered else []),
        "",
        f"  chorus serve --models {name} --models-dir {shlex.quote(os.path.relpath(into))}",
        f"  curl -sG localhost:8000/classify -d model={name} --data-urlencode 'sentence=…'",
    )
    for line in lines:
        out.print(Text(line), soft_wrap=True)


def _registered(registered: Mapping[str, Any]) -> str:
    alias = f", alias {registered['alias']}" if registered["alias"] else ""
    page = f": {registered['page']}" if registered["page"] else ""
    return f"MLflow has it as {registered['name']} version {registered['version']}{alias}{page}"


def _table(out: Console, *columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD if out.is_terminal else None)
    for column in columns:
        table.add_column(column, overflow="fold", justify="left" if column == "label" else "right")
    return table
