"""The tables of what moves: requests, connections, images, series, lines, watches."""

from __future__ import annotations

import math

from benchmarks.fleet.arithmetic import with_zone_lost
from benchmarks.fleet.given import Given
from benchmarks.fleet.markdown import scaled, shown, table
from benchmarks.fleet.nodes import NODES, PLAN, T4

DAY = 86_400
SCOPES = ("a T4 node, one zone lost", "a cell", "the fleet")
PODS = (1, PLAN.cell_nodes, T4.fleet.reserved)
RATES = (
    PLAN.requests_per_s / T4.fleet.nodes,
    PLAN.requests_per_s / T4.fleet.cells,
    PLAN.requests_per_s,
)
"""Requests/s of each scope."""
SCALE_UPS = {
    "one node": 1,
    "half a cell, in one doubling": PLAN.cell_nodes // 2,
    "a cell": PLAN.cell_nodes,
}


def network() -> str:
    """Bytes and connections at the edge of a pod; the call inside of it is loopback."""
    frame = Given.FRAME_BYTES.number
    came = Given.BODY_BYTES.number + Given.REQUEST_HEAD_BYTES.number + frame
    went = Given.ANSWER_BYTES.number + frame
    rows = [
        ("requests/s", *map(shown, RATES)),
        (f"in, {came:.0f} B each", *(scaled(rate * came * 8, "bit/s") for rate in RATES)),
        (f"out, {went:.0f} B each", *(scaled(rate * went * 8, "bit/s") for rate in RATES)),
        (
            "requests in flight, at most",
            *(shown(math.ceil(r * Given.T4_SECONDS.number)) for r in RATES),
        ),
        (
            "connections, if each request has its own and leaves it idle",
            *(f"{rate * Given.KEEP_SECONDS.number:,.0f}" for rate in RATES),
        ),
    ]
    return table(("", *SCOPES), rows)


def gateway_cpu() -> str:
    """The gateway's share of a node, from above."""
    seconds = Given.CORES.number / Given.NULL_RATE.number
    rows = [
        (
            node.name,
            node.throughput,
            node.throughput * seconds,
            math.ceil(node.throughput * seconds),
        )
        for node in NODES
    ]
    lines = table(("a node", "T", "cores of gateway at T, at most", "workers"), rows)
    gateways = PLAN.requests_per_s * seconds
    edge = PLAN.requests_per_s / Given.EDGE_RATE.number
    return (
        f"At most {seconds * 1e6:.0f} µs of a core per request,"
        f" {1 / seconds:,.0f} requests/s per worker:\n\n{lines}\n\n"
        f"The fleet: {gateways:,.0f} cores of gateways, and {edge:,.0f} of edge proxies."
    )


def pulls() -> str:
    """What scaling a cell pulls, and how long one registry needs to send it."""
    rows = []
    for name, count in SCALE_UPS.items():
        image, weights = Given.IMAGE_GB.number * count, Given.WEIGHTS_GB.number * count
        wire = Given.REGISTRY_GBIT.number if count > 1 else Given.NODE_GBIT.number
        seconds = (image + weights) * 8 / wire
        rows.append((name, scaled(image * 1e9, "B"), scaled(weights * 1e9, "B"), seconds))
    links = "s, one node over its own link, more over the registry's"
    nodes = int(Given.REGISTRY_GBIT.number / Given.NODE_GBIT.number)
    lines = table(("new", "image", "weights", links), rows)
    return f"{lines}\n\nFrom {nodes} nodes at once on, the registry's link is the slower one."


def metrics() -> str:
    """Series, and what Prometheus needs for them."""
    series = [pods * Given.SERIES.number for pods in PODS]
    samples = [count / Given.SCRAPE.number for count in series]
    disk = Given.SAMPLE_BYTES.number * Given.RETENTION_DAYS.number * DAY
    rows = [
        ("series", *map(shown, series)),
        ("samples/s", *map(shown, samples)),
        ("memory", *(scaled(count * Given.SERIES_BYTES.number, "B") for count in series)),
        (
            f"disk, {Given.RETENTION_DAYS.number:.0f} days",
            *(scaled(rate * disk, "B") for rate in samples),
        ),
    ]
    return table(("", "a pod", *SCOPES[1:]), rows)


def logs() -> str:
    """Bytes of access log, which is off unless asked for."""
    line, call = Given.ACCESS_LINE_BYTES.number, Given.CALL_LINE_BYTES.number
    sizes = {
        "gateway, per second": line,
        "gateway, per day": line * DAY,
        "and the runtime, at most, per second": line + call,
        "and the runtime, at most, per day": (line + call) * DAY,
    }
    rows = [(name, *(scaled(rate * size, "B") for rate in RATES)) for name, size in sizes.items()]
    return table(("access log on", *SCOPES), rows)


def watches() -> str:
    """What discovery asks of the API server."""
    each = Given.WORKERS.number * Given.NAMESPACES.number
    columns = (PLAN.cell_nodes, int(Given.CLUSTER_NODES.number))
    watching = [pods * each for pods in columns]
    rows = [
        ("watches on Services", *map(shown, watching)),
        ("renewed per second", *(shown(w / Given.WATCH_SECONDS.number) for w in watching)),
        ("events sent per Service that changes", *map(shown, watching)),
        (
            "requests per second when the API server comes back",
            *(shown(w / Given.BACK_OFF.number) for w in watching),
        ),
    ]
    return table(("", *(f"a cluster of {size:,} nodes" for size in columns)), rows)


def zones() -> str:
    """What surviving a zone costs, by the number of zones."""
    nodes = T4.fleet.nodes
    rows = []
    for count in (1, 2, 3, 4, 6):
        reserved = with_zone_lost(nodes, count)
        rows.append((count, reserved, f"{reserved / nodes - 1:.0%}"))
    return table(("zones", "T4 nodes that survive one of them", "more than without"), rows)
