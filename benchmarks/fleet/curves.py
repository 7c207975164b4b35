"""What the pictures show, as numbers: whether one is old is known without drawing it."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from benchmarks.fleet.arithmetic import needed, utilisation_bound, with_zone_lost
from benchmarks.fleet.given import Given
from benchmarks.fleet.markdown import shown, span
from benchmarks.fleet.nodes import NODES, PLAN
from benchmarks.fleet.pace import lags

RATES = tuple(10 ** (power / 4) for power in range(8, 25))
GROWTHS = tuple(step / 50 for step in range(26))


class Picture(NamedTuple):
    """Lines over a common axis, and levels to compare them with."""

    x_label: str
    y_label: str
    logarithmic: bool
    x: tuple[float, ...]
    lines: dict[str, tuple[float, ...]]
    levels: dict[str, float]

    @property
    def mark(self) -> str:
        """Stands in the drawn file: of what numbers it is."""
        rounded = {name: [f"{y:.6g}" for y in values] for name, values in self.lines.items()}
        shown_numbers = repr((self.x_label, self.y_label, rounded, self.levels))
        return f"fleet:{hashlib.sha256(shown_numbers.encode()).hexdigest()[:16]}"


def pictures() -> dict[str, Picture]:
    """Each picture by its file's name."""
    return {"nodes": _nodes(), "lag": _lag()}


def _nodes() -> Picture:
    lines = {
        f"{node.name}: {shown(node.throughput)}/s": tuple(
            float(with_zone_lost(needed(PLAN, rate, node.throughput), PLAN.zones)) for rate in RATES
        )
        for node in NODES
    }
    levels = {
        "a cell": float(PLAN.cell_nodes),
        "what a cluster may hold": Given.CLUSTER_NODES.number,
    }
    return Picture("requests/s", "nodes, one zone in reserve", True, RATES, lines, levels)


def _lag() -> Picture:
    lines = {
        f"{name}: {span(round(seconds))}": tuple(
            utilisation_bound(growth, seconds) for growth in GROWTHS
        )
        for name, seconds in lags().items()
    }
    x = tuple(100 * growth for growth in GROWTHS)
    levels = {"planned with": PLAN.utilisation}
    return Picture("growth of load, % a minute", "utilisation, at most", False, x, lines, levels)
