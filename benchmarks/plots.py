"""Draws the rows of `scaling`: throughput and p99 over each axis, as PNG and SVG.

Colours and lines are of a middle brightness on no background, so that they show on light and dark.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report import Row, progress
from benchmarks.weights import ROOT

# Without dates, the same rows give the same bytes.
METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None}}
AXIS_LABELS = {
    "clients": "clients in a closed loop",
    "tokens": "tokens per text",
    "models": "models behind one call",
}
LOGARITHMIC = frozenset({"clients", "tokens"})
PANELS = (("good_per_s", "good answers, texts/s"), ("p99_ms", "p99 latency, ms"))
INK = "#808080"
PALETTE = ("#2f81f7", "#db6d28", "#3fa34d", "#bf5af2", "#d9485f", "#8a8a2a")
SIZE_INCHES = (9.0, 3.8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("rows", type=Path, metavar="FILE.jsonl", help="as `scaling` wrote it")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "benchmarks")


def run(options: argparse.Namespace) -> int:
    """Draw every axis that the file has rows of; the exit status is 1 if there are none."""
    if not options.rows.is_file():
        progress(f"{options.rows} is no file; make it with `scaling --output {options.rows}`")
        return 1
    lines = options.rows.read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row.get("benchmark") == "scaling"]
    by_axis: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("good_per_s") is not None:
            by_axis[row["axis"]].append(row)
    options.folder.mkdir(parents=True, exist_ok=True)
    for axis, points in by_axis.items():
        figure = draw(axis, points)
        for kind in ("png", "svg"):
            path = options.folder / f"{axis}.{kind}"
            figure.savefig(path, transparent=True, dpi=160, metadata=METADATA[kind])
            progress(f"drawn: {path}")
    return int(not by_axis)


def draw(axis: str, rows: Sequence[Row]) -> Figure:
    """One figure: a panel per quantity, a line per peer; of a point drawn twice the last counts."""
    lines: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        lines[row["peer"]][row["value"]] = row
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    panels: Any = figure.subplots(1, len(PANELS))
    for panel, (quantity, label) in zip(panels, PANELS, strict=True):
        for (peer, points), colour in zip(sorted(lines.items()), PALETTE, strict=False):
            _line(panel, quantity, peer, [points[value] for value in sorted(points)], colour)
        _dress(panel, axis, label, sorted({value for points in lines.values() for value in points}))
    if len(lines) > 1:
        panels[0].legend(frameon=False, labelcolor=INK)
    figure.suptitle(_title(rows[-1]), color=INK, fontsize=9)
    return figure


def _line(panel: Axes, quantity: str, peer: str, points: list[Row], colour: str) -> None:
    values = [point["value"] for point in points]
    panel.plot(values, [point[quantity] for point in points], "o-", color=colour, label=peer, ms=4)
    ranges = [point.get(f"{quantity}_range") for point in points]
    if all(ranges):
        low, high = zip(*ranges, strict=True)
        panel.fill_between(values, low, high, color=colour, alpha=0.2, linewidth=0)


def _dress(panel: Axes, axis: str, label: str, values: list[int]) -> None:
    if axis in LOGARITHMIC:
        panel.set_xscale("log", base=2)
    panel.set_xticks(values, labels=[str(value) for value in values])
    panel.minorticks_off()
    panel.set_ylim(bottom=0)
    panel.set_xlabel(AXIS_LABELS[axis], color=INK)
    panel.set_ylabel(label, color=INK)
    panel.tick_params(colors=INK, labelsize=8)
    panel.grid(color=INK, alpha=0.25, linewidth=0.5)
    for name, spine in panel.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(INK)


def _title(row: Row) -> str:
    return f"{row['weights']} weights · {row['machine']} · {row['commit']} · {row['date']}"
