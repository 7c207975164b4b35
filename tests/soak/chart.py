"""A picture of a soak: what each process held, and the latency of every minute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from tests.soak.run import Soak

SIZE_INCHES = (10.0, 7.0)
PANELS = {"rss_mib": "memory, MiB", "descriptors": "descriptors", "threads": "threads"}


def draw(soak: Soak, path: Path) -> None:
    """Write a PNG: time in minutes, the warm-up in grey."""
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    panels: Any = figure.subplots(2, 2, sharex=True).flatten()
    minutes = [sample.seconds / 60 for sample in soak.samples]
    for panel, (quantity, label) in zip(panels, PANELS.items(), strict=False):
        for name in soak.samples[0].held:
            values = [getattr(sample.held.get(name), quantity, None) for sample in soak.samples]
            panel.plot(minutes, values, label=name)
        panel.set_ylabel(label)
    latencies = soak.tally.minutes()
    middles = [number + 0.5 for number in range(len(latencies))]
    for quantity in ("p50_ms", "p99_ms"):
        values = [getattr(minute, quantity) for minute in latencies]
        panels[3].plot(middles, values, ".-", label=quantity.removesuffix("_ms"))
    panels[3].set_ylabel("latency of good requests, ms")
    for panel in panels:
        panel.axvspan(0, soak.plan.warmup_s / 60, color="0.9")
        panel.set_ylim(bottom=0)
        panel.legend(frameon=False, fontsize=8)
    for panel in panels[2:]:
        panel.set_xlabel("minutes")
    figure.suptitle(f"{soak.plan.subject}: {soak.rate:.0f} requests/s, seed {soak.plan.seed}")
    figure.savefig(path, dpi=120)
