"""Draws the pictures of docs/scaling.md, to be read on light and on dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from benchmarks.fleet.curves import Picture
from benchmarks.plots import INK, METADATA, PALETTE

SIZE_INCHES = (7.0, 4.2)


def draw(picture: Picture, path: Path) -> None:
    """Write the picture as SVG; the same numbers give the same bytes."""
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    panel: Any = figure.subplots()
    for (name, values), colour in zip(picture.lines.items(), PALETTE, strict=False):
        panel.plot(picture.x, values, color=colour, label=name)
    for name, level in picture.levels.items():
        panel.axhline(level, color=INK, linestyle="--", linewidth=1)
        panel.text(picture.x[0], level, f" {name}", color=INK, fontsize=8, va="bottom")
    if picture.logarithmic:
        panel.set_xscale("log")
        panel.set_yscale("log")
    else:
        panel.set_ylim(0, 1)
    panel.set_xlabel(picture.x_label, color=INK)
    panel.set_ylabel(picture.y_label, color=INK)
    panel.tick_params(which="both", colors=INK, labelsize=8)
    panel.grid(color=INK, alpha=0.25, linewidth=0.5)
    for name, spine in panel.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(INK)
    panel.legend(frameon=False, labelcolor=INK, fontsize=8)
    with matplotlib.rc_context({"svg.hashsalt": "fleet"}):
        metadata = METADATA["svg"] | {"Description": picture.mark}
        figure.savefig(path, transparent=True, metadata=metadata)
