"""The table of the page: what was typed, what it does, and the seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from benchmarks.fleet.markdown import Cell, table
from benchmarks.machine import commit, machine

BEGIN, END = "<!-- tour:table -->", "<!-- /tour:table -->"


@dataclass(frozen=True)
class Row:
    """One step."""

    typed: str
    does: str
    seconds: float


def written(page: str, rows: Sequence[Row], day: date) -> str:
    """The page with this table between its two marks, and what it was measured on."""
    total = sum(row.seconds for row in rows)
    cells: list[list[Cell]] = [[f"`{row.typed}`", row.does, row.seconds] for row in rows]
    cells.append(["", "**all**", total])
    said = f"{day.isoformat()}, commit {commit()}, {machine('cpu')}.\n\n"
    body = f"{BEGIN}\n{said}{table(('typed', 'to', 'seconds'), cells)}\n{END}"
    if not re.search(f"{BEGIN}.*{END}", page, flags=re.DOTALL):
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return re.sub(f"{BEGIN}.*{END}", lambda _: body, page, flags=re.DOTALL)
