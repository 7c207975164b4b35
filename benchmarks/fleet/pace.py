"""The tables of time: how late capacity comes, what that bounds, rollouts, and what is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.fleet.arithmetic import (
    by_chance,
    growth_bound,
    refused_share,
    rollout_seconds,
    utilisation_bound,
)
from benchmarks.fleet.given import Given
from benchmarks.fleet.markdown import Cell, percent, span, table
from benchmarks.fleet.nodes import NODES, PLAN, T4

GROWTHS = (0.05, 0.1, 0.2, 0.5, 1.0)
AT_ONCE = (1, 0.01, 0.05, 0.1, 0.25)
BEFORE_A_POD = ("scrape, and KEDA's poll", "the HPA decides", "a node")
STEPS = (1.25, 1.5, 2, 3, 5)


@dataclass(frozen=True)
class Step:
    """One step from more load to a ready pod, in seconds."""

    name: str
    fast: float
    slow: float
    known_by: str
    spared: bool = False
    """Whether a spare node that holds the image needs it not."""


def cold_start() -> tuple[Step, ...]:
    """The steps in their order."""
    fetch = Given.IMAGE_GB.number * 8 / Given.NODE_GBIT.number
    unpack = Given.IMAGE_GB.number / Given.UNPACK_GB_S.number
    weights = Given.WEIGHTS_GB.number * (8 / Given.NODE_GBIT.number + 1 / Given.HASH_GB_S.number)
    poll = Given.POLL.number
    return (
        Step("scrape, and KEDA's poll", poll, poll + Given.SCRAPE.number, "setting"),
        Step("the HPA decides", 0, Given.HPA_SYNC.number, "documented"),
        Step("a node", Given.NODE_FAST.number, Given.NODE_SLOW.number, "assumed", spared=True),
        Step("the image", max(fetch, unpack), fetch + unpack,
             "computed on assumed rates", spared=True),
        Step("weights, fetched and hashed", weights, weights,
             "computed on an assumed network; hash measured"),
        Step("models loaded and calibrated", Given.START_FAST.number, Given.START_REAL.number,
             "slow: measured on 2 CPU cores; fast: assumed of a GPU node"),
        Step("probes, minReadySeconds", Given.READY.number, Given.READY.number, "setting"),
    )  # fmt: skip


def lags() -> dict[str, float]:
    """Seconds from more load to more capacity, by circumstance."""
    steps = cold_start()
    return {
        "at best": sum(step.fast for step in steps),
        "at worst": sum(step.slow for step in steps),
        "spare node, at worst": sum(step.slow for step in steps if not step.spared),
    }


def cold() -> str:
    """The cold start, step by step."""
    rows: list[tuple[Cell, ...]] = [
        (s.name, s.fast, s.slow, 0 if s.spared else s.slow, s.known_by) for s in cold_start()
    ]
    best, worst, spare = (round(lag) for lag in lags().values())
    rows.append(("**lag**", best, worst, spare, f"{span(best)} to {span(worst)}; {span(spare)}"))
    header = ("step", "s, at best", "s, at worst", "s, on a spare node with the image", "known by")
    return table(header, rows)


def bounds() -> str:
    """The utilisation that growth allows, and the growth that ours does."""
    times = lags()
    rows: list[tuple[Cell, ...]] = [
        (f"{growth:.0%} a minute", *(utilisation_bound(growth, lag) for lag in times.values()))
        for growth in GROWTHS
    ]
    growths = [f"{name} {growth_bound(PLAN.utilisation, lag):.0%}" for name, lag in times.items()]
    header = ("load grows by", *(f"U, {name}: {span(round(lag))}" for name, lag in times.items()))
    lines = table(header, rows)
    return f"{lines}\n\nU = {PLAN.utilisation} bears growth per minute of: {', '.join(growths)}."


def targets() -> str:
    """In-flight targets by Little's law, and how full a pod is at them."""
    rows: list[tuple[Cell, ...]] = []
    for node in NODES:
        curve, rate = node.curve, PLAN.utilisation * node.throughput
        if curve is None or node.seconds is None:
            continue
        steady, late = curve.in_flight(rate), rate * node.seconds
        full = percent(curve.rate(late) / node.throughput)
        rows.append((node.name, rate, steady, by_chance(PLAN.utilisation), node.target, late, full))
    header = (
        "a pod on", "U × T, requests/s", "in flight, steadily", "waiting by chance", "**target**",
        "U × T × s of a full node", "and a pod is then used to",
    )  # fmt: skip
    return table(header, rows)


def waiting() -> str:
    """How long the line of a gateway is that may always fill."""
    texts = Given.WAITING_TEXTS.number
    rows = [(n.name, n.throughput, texts / n.throughput, math.ceil(n.throughput)) for n in NODES]
    header = (
        "a pod on",
        "T",
        f"s to answer {texts:.0f} waiting texts",
        "texts that are a second's work",
    )
    return table(header, rows)


def rollout() -> str:
    """A rollout of a cell by how many pods are replaced at once."""
    steps = [step for step in cold_start() if step.name not in BEFORE_A_POD]
    each = sum(step.slow for step in steps) + Given.STOP.number
    pods = PLAN.cell_nodes
    rows = []
    for share in AT_ONCE:
        name = percent(share) if share < 1 else "1 pod"
        count = max(1, math.floor(pods * share)) if share < 1 else share
        others = percent(PLAN.utilisation / (1 - count / pods))
        seconds = rollout_seconds(pods, count, each)
        rows.append((name, count, span(seconds), span(seconds * T4.fleet.cells), others))
    header = (
        "at once", "pods; with `maxSurge` as many nodes more", f"a cell of {pods:,} pods",
        f"{T4.fleet.cells} cells in turn", "without surge, the others are used to",
    )  # fmt: skip
    return f"A pod takes {span(each)}, at worst.\n\n{table(header, rows)}"


def admission() -> str:
    """What is refused after a step, until capacity has come."""
    zones = (PLAN.zones - 1) / PLAN.zones
    rows = []
    for step in STEPS:
        share = refused_share(step, PLAN.utilisation)
        refused = step * PLAN.utilisation * T4.throughput * share
        rows.append(
            (
                f"{step} ×",
                percent(refused_share(step, PLAN.utilisation * zones)),
                percent(share),
                refused,
                f"{refused * Given.REFUSAL_MICROSECONDS.number / 1e6:.1%}",
                math.ceil(math.log2(step)),
            )
        )
    header = (
        "load is suddenly", "refused, all zones there", "refused, one zone lost",
        "refusals/s of a T4 node", "of a core, for them", "doublings to catch up",
    )  # fmt: skip
    return table(header, rows)
