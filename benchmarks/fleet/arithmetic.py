"""The formulas: of capacity, of scaling in time, of rollouts. Numbers in, numbers out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True)
class Fleet:
    """The nodes that a rate needs."""

    nodes: int
    """With all zones there."""
    reserved: int
    """That there are, so that one zone may be lost."""
    cells: int
    dollars_per_hour: float
    dollars_per_million: float
    """Per million requests."""


@dataclass(frozen=True)
class Plan:
    """What is decided before a node is chosen."""

    requests_per_s: float
    utilisation: float
    zones: int
    cell_nodes: int


def fleet(plan: Plan, throughput: float, dollars_per_node_hour: float) -> Fleet:
    """The fleet of nodes that answer `throughput` requests/s each at their most."""
    nodes = needed(plan, plan.requests_per_s, throughput)
    reserved = with_zone_lost(nodes, plan.zones)
    dollars = reserved * dollars_per_node_hour
    millions_per_hour = plan.requests_per_s * SECONDS_PER_HOUR / 1e6
    cells = math.ceil(reserved / plan.cell_nodes)
    return Fleet(nodes, reserved, cells, dollars, dollars / millions_per_hour)


def needed(plan: Plan, rate: float, throughput: float) -> int:
    """Nodes for `rate` requests/s at the plan's utilisation, no zone lost."""
    return math.ceil(rate / (throughput * plan.utilisation))


def with_zone_lost(nodes: int, zones: int) -> int:
    """Nodes over all zones, alike, of which any zone may be lost and `nodes` remain."""
    return nodes if zones == 1 else math.ceil(nodes / (zones - 1)) * zones


def requests_per_s(plan: Plan, throughput: float, reserved: int) -> float:
    """What so many nodes are planned to answer, one zone's of them in reserve."""
    share = 1.0 if plan.zones == 1 else (plan.zones - 1) / plan.zones
    return reserved * share * plan.utilisation * throughput


@dataclass(frozen=True)
class Curve:
    """What a pod answers with so many requests in flight: points (in flight, requests/s), rising.

    Between two points the seconds of a request grow in proportion to those in flight: a device that
    needs so long for a batch, and so much longer for each text in it.
    """

    points: tuple[tuple[float, float], ...]

    def rate(self, in_flight: float) -> float:
        """Requests/s, within the points."""
        fixed, each = next(
            line
            for (n, _), line in zip(self.points[1:], self._lines(), strict=True)
            if in_flight <= n
        )
        return in_flight / (fixed + each * in_flight)

    def in_flight(self, rate: float) -> float:
        """Requests in flight that make the rate, within the points; below the first, its share."""
        first, at_first = self.points[0]
        if rate <= at_first:
            return first * rate / at_first
        fixed, each = next(
            line for (_, x), line in zip(self.points[1:], self._lines(), strict=True) if rate <= x
        )
        return fixed * rate / (1 - each * rate)

    def _lines(self) -> list[tuple[float, float]]:
        """Seconds of a request between neighbours: at none in flight, and more for each."""
        lines = []
        for (n0, x0), (n1, x1) in pairwise(self.points):
            each = (n1 / x1 - n0 / x0) / (n1 - n0)
            lines.append((n0 / x0 - each * n0, each))
        return lines


def by_chance(utilisation: float) -> float:
    """Requests that wait because arrivals are not spaced evenly: of a queue with one server and
    equal service times (Pollaczek and Khinchine's formula, M/D/1).
    """
    return utilisation**2 / (2 * (1 - utilisation))


def in_flight_target(curve: Curve, throughput: float, utilisation: float) -> int:
    """Requests in flight per pod to scale on, rounded up.

    Those that are there when it answers its share of `throughput` steadily (Little's law, with the
    seconds of a pod used so much, not of a full one), and those that wait by chance.
    """
    return math.ceil(curve.in_flight(utilisation * throughput) + by_chance(utilisation))


def utilisation_bound(growth_per_minute: float, lag_seconds: float) -> float:
    """The most a node may be used for load that grows by this share a minute to find room."""
    return 1 / (1 + growth_per_minute * lag_seconds / 60)


def growth_bound(utilisation: float, lag_seconds: float) -> float:
    """The share by which load may grow in a minute; `utilisation_bound` the other way."""
    return (1 / utilisation - 1) * 60 / lag_seconds


def refused_share(step: float, utilisation: float) -> float:
    """The share of requests turned away when load is suddenly `step` times what it was."""
    return max(0.0, 1 - 1 / (step * utilisation))


def rollout_seconds(pods: int, at_once: float, seconds_per_pod: float) -> float:
    """How long it takes to replace all pods, so many at once."""
    return math.ceil(pods / at_once) * seconds_per_pod
