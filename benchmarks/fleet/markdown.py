"""Tables of Markdown, and numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Cell = str | float | None


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The rows under a header; a column that holds a number is set to the right."""
    rows = [list(row) for row in rows]
    lines = [list(header), *([shown(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    right = [any(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    padded = [
        [
            cell.rjust(w) if r else cell.ljust(w)
            for cell, w, r in zip(line, widths, right, strict=True)
        ]
        for line in lines
    ]
    padded.insert(1, ["-" * (w - r) + ":" * r for w, r in zip(widths, right, strict=True)])
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def shown(value: Cell) -> str:
    """Whole numbers in full, others to three digits; a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-3 else f"{value:.1e}"


def percent(share: float) -> str:
    """A share of one as a whole percentage."""
    return f"{share:.0%}"


def span(seconds: float) -> str:
    """A time as people say it."""
    for length, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def scaled(value: float, unit: str) -> str:
    """A quantity with a decimal prefix."""
    for factor, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"
