"""Rows of results: a table for people, a line of JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from chorus.load.tally import Report

# CPU seconds of other processes per second above which a figure says little.
QUIET = 0.1

Row = dict[str, Any]
Columns = Mapping[str, str]
"""A table's columns: the row's key, and the words above it."""


def progress(line: str) -> None:
    """Say what is going on; the results alone are on standard output."""
    print(line, file=sys.stderr, flush=True)


def summary(reports: Sequence[Report]) -> Row:
    """What the repeats of one load say: medians and the range, but the sums of what went wrong."""
    rates = [report.good_per_s for report in reports]

    def middle(name: str) -> float:
        return float(median(getattr(report, name) for report in reports))

    def total(name: str) -> int:
        return sum(getattr(report, name) for report in reports)

    return {
        "clients": reports[0].clients,
        "good_per_s": middle("good_per_s"),
        "good_per_s_range": [min(rates), max(rates)],
        "repeats": len(reports),
        "seconds": middle("seconds"),
        "p50_ms": middle("p50_ms"),
        "p99_ms": middle("p99_ms"),
        **{name: total(name) for name in ("sent", "good", "wrong", "refused", "errors", "dropped")},
        "server_cpu_s": middle("server_cpu_s"),
        "generator_cpu_s": middle("generator_cpu_s"),
        "others_cpu_s": middle("others_cpu_s"),
        "first_failure": next((r.first_failure for r in reports if r.first_failure), None),
    }


def brief(report: Report) -> str:
    """One measurement in a few words, loud about what spoils it."""
    words = [f"{report.good_per_s:.1f} good/s, p50 {report.p50_ms:.0f} ms"]
    for name in ("wrong", "refused", "errors", "dropped"):
        if count := getattr(report, name):
            words.append(f"{count} {name}")
    if report.others_cpu_s > QUIET * report.seconds:
        words.append(f"{report.others_cpu_s:.1f} CPU s taken by other processes")
    return ", ".join(words)


def table(rows: Iterable[Row], columns: Columns, *, markdown: bool = False) -> str:
    """The rows under a header, numbers to the right; a column that no row has is left out."""
    rows = list(rows)
    shown = [key for key in columns if any(key in row for row in rows)]
    cells = [[columns[key] for key in shown]]
    cells += [[_cell(row.get(key)) for key in shown] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(shown))]
    right = [any(_is_number(row.get(key)) for row in rows) for key in shown]
    lines = [
        [
            cell.rjust(w) if r else cell.ljust(w)
            for cell, w, r in zip(line, widths, right, strict=True)
        ]
        for line in cells
    ]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in lines)
    lines.insert(1, ["-" * (w - r) + ":" * r for w, r in zip(widths, right, strict=True)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def publish(
    rows: Sequence[Row], columns: Columns, *, markdown: bool = False, output: Path | None = None
) -> None:
    """Print the table and the JSON lines; the lines are appended to `output` too."""
    print(f"\n{table(rows, columns, markdown=markdown)}\n", *map(json_line, rows), sep="\n")
    append(rows, output)


def append(rows: Iterable[Row], output: Path | None) -> None:
    """Append the rows' JSON lines to a file, if there is one."""
    if output:
        with output.open("a", encoding="utf-8") as file:
            file.writelines(f"{json_line(row)}\n" for row in rows)


def json_line(row: Row) -> str:
    """Compact JSON; a number that is none (no good answer, so no latency) becomes null."""
    return json.dumps(_clean(row), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if value == value else None
    return value


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, list | tuple):
        return "-".join(map(_cell, value))
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | list) and not isinstance(value, bool)
