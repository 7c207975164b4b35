"""The tables of size: nodes, cells, a cluster's limits, and which of them is met first."""

from __future__ import annotations

from benchmarks.fleet.arithmetic import requests_per_s
from benchmarks.fleet.given import Given
from benchmarks.fleet.markdown import Cell, percent, scaled, table
from benchmarks.fleet.nodes import NODES, PLAN, T4, WHAT_IF

CELL_SIZES = (100, 500, int(Given.CELL_NODES.number), int(Given.CLUSTER_NODES.number))
CHANGES_PER_POD = 2
"""Of a pod's readiness in a rollout: the old one's, the new one's."""


def inputs() -> str:
    """Every input with its source."""
    header = ("input", "unit", "known by", "source")
    rows = [(g.value.number, g.value.unit, g.value.kind, g.value.source) for g in Given]
    return table(header, rows)


def nodes() -> str:
    """The fleet by kind of node."""
    header = (
        "a node", "T is known by", "T, requests/s", "nodes",
        f"… one of {PLAN.zones} zones lost", f"cells of {PLAN.cell_nodes:,}",
        "$/h", "$ per million requests",
    )  # fmt: skip
    rows = []
    for node in (*NODES, *WHAT_IF):
        of = node.fleet
        dollars = round(of.dollars_per_hour)
        counts = (node.throughput, of.nodes, of.reserved, of.cells, dollars)
        rows.append((node.name, node.known_by, *counts, of.dollars_per_million))
    used = percent(PLAN.utilisation)
    wanted = f"For {PLAN.requests_per_s:,.0f} requests a second, nodes used to {used}:"
    return f"{wanted}\n\n{table(header, rows)}"


def summary() -> str:
    """The few lines for the README."""
    header = (
        "a node", "T is known by", "T, requests/s", "nodes, a zone in reserve", "cells", "$/h",
    )  # fmt: skip
    rows = []
    for node in (*NODES[:2], *WHAT_IF[1::2]):
        of = node.fleet
        sizes = (node.throughput, of.reserved, of.cells, round(of.dollars_per_hour))
        rows.append((node.name, node.known_by, *sizes))
    return table(header, rows)


def limits() -> str:
    """One cluster of everything, and a cell, against what a cluster may hold."""
    per_node = {
        "nodes": (1.0, Given.CLUSTER_NODES),
        "pods": (1 + Given.SYSTEM_PODS.number, Given.CLUSTER_PODS),
        "containers": (
            Given.POD_CONTAINERS.number + Given.SYSTEM_PODS.number,
            Given.CLUSTER_CONTAINERS,
        ),
    }
    fleet = T4.fleet.reserved
    rows: list[tuple[Cell, ...]] = [
        (name, fleet * each, PLAN.cell_nodes * each, limit.number, _fits(fleet * each, limit))
        for name, (each, limit) in per_node.items()
    ]
    pods = 1 + Given.SYSTEM_PODS.number
    rows.append(("pods per node", pods, pods, Given.NODE_PODS.number, _fits(pods, Given.NODE_PODS)))
    header = ("", "all T4 nodes in one cluster", "a cell", "limit", "one cluster")
    return table(header, rows)


def cells() -> str:
    """What the size of a cell decides."""
    header = (
        "nodes per cell", "cells", "requests/s per cell", "traffic lost with a cell",
        "EndpointSlices sent per rollout of a cell, at most",
    )  # fmt: skip
    rows = []
    for size in (*CELL_SIZES, T4.fleet.reserved):
        count = -(-T4.fleet.reserved // size)
        rate = requests_per_s(PLAN, T4.throughput, size)
        rows.append((size, count, rate, f"{1 / count:.1%}", scaled(slices_sent(size), "B")))
    return table(header, rows)


def slices_sent(size: int) -> float:
    """Bytes of EndpointSlices to all nodes of a cluster when all its pods are replaced.

    At most: a slice for each change; the controller joins changes that come together.
    """
    endpoints = min(size, Given.SLICE_ENDPOINTS.number)
    return size * CHANGES_PER_POD * endpoints * Given.ENDPOINT_BYTES.number * size


def breaks() -> str:
    """The limits in the order in which growing load meets them."""
    pods_of_prometheus = Given.PROMETHEUS_SERIES.number / Given.SERIES.number
    system = Given.SYSTEM_PODS.number
    reached: list[tuple[str, float, str]] = [
        (
            "KEDA's `maxReplicaCount`",
            Given.MAX_REPLICAS.number,
            "raise it with the quota of GPUs",
        ),
        ("a cell is full", PLAN.cell_nodes, "the next cell"),
        (
            "one Prometheus",
            pods_of_prometheus,
            "one per cell; above them sums only, by recording rules",
        ),
        ("nodes of a cluster", Given.CLUSTER_NODES.number, "cells, long before"),
        ("pods of a cluster", Given.CLUSTER_PODS.number / (1 + system), "cells"),
        (
            "containers of a cluster",
            Given.CLUSTER_CONTAINERS.number / (Given.POD_CONTAINERS.number + system),
            "cells",
        ),
    ]
    rows = [
        (what, int(pods), requests_per_s(PLAN, T4.throughput, int(pods)), remedy)
        for what, pods, remedy in sorted(reached, key=lambda row: row[1])
    ]
    return table(("what", "at so many T4 nodes", "requests/s", "then"), rows)


def _fits(count: float, limit: Given) -> str:
    return "fits" if count <= limit.number else f"{count / limit.number:.2g} times too many"
