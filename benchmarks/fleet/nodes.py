"""The kinds of node: what each answers, whether anybody has seen it do so, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.fleet.arithmetic import Curve, Fleet, Plan, fleet, in_flight_target
from benchmarks.fleet.given import Given
from benchmarks.flops import of_text
from benchmarks.shapes import SIZES


@dataclass(frozen=True)
class Node:
    """A machine with one pod."""

    name: str
    known_by: str
    throughput: float
    """`/process` requests per second at its most, five model calls each."""
    dollars_per_hour: float
    seconds: float | None = None
    """A request is in the system at that rate; None where nobody can say."""
    below: tuple[tuple[float, float], ...] = ()
    """Requests in flight, and the requests/s that they make, before that rate is reached."""

    @property
    def fleet(self) -> Fleet:
        """The nodes of this kind that the plan needs."""
        return fleet(PLAN, self.throughput, self.dollars_per_hour)

    @property
    def target(self) -> int | None:
        """Requests in flight per pod to scale on; None where nobody can say."""
        if self.curve is None:
            return None
        return in_flight_target(self.curve, self.throughput, PLAN.utilisation)

    @property
    def curve(self) -> Curve | None:
        """Requests/s over requests in flight; None where no point of it is known."""
        if self.seconds is None or not self.below:
            return None
        return Curve((*self.below, (self.throughput * self.seconds, self.throughput)))


def ceiling(flops: float) -> float:
    """Requests/s of a device at most, to two digits: its FLOP/s are known no better."""
    text = of_text(SIZES["real"].shape, int(Given.TOKENS.number))
    return float(f"{flops / (Given.MODELS.number * text):.2g}")


PLAN = Plan(
    Given.WANTED.number,
    Given.UTILISATION.number,
    int(Given.ZONES.number),
    int(Given.CELL_NODES.number),
)
STANDIN = Node(
    "2 CPU cores, stand-ins",
    "measured; short texts, models of a toy's size: what serving alone costs",
    Given.STANDIN_RATE.number,
    Given.CPU_PRICE.number,
    Given.STANDIN_CLIENTS.number / Given.STANDIN_RATE.number,
    ((1, Given.STANDIN_ALONE.number), (16, Given.STANDIN_16.number)),
)
REAL = Node(
    "2 CPU cores, real size",
    "measured; random weights of the real sizes",
    Given.REAL_RATE.number,
    Given.CPU_PRICE.number,
    Given.REAL_SECONDS.number,
    ((1, 1 / Given.REAL_ALONE.number),),
)
T4 = Node(
    "one T4, real size",
    "computed, not measured",
    ceiling(Given.T4_FLOPS.number),
    Given.T4_PRICE.number,
    Given.T4_SECONDS.number,
    ((1, ceiling(Given.T4_FLOPS.number) / Given.T4_GAIN.number),),
)
H100 = Node(
    "one H100, real size",
    "computed on an assumed FLOP/s, not measured",
    ceiling(Given.H100_FLOPS.number),
    Given.H100_PRICE.number,
    Given.H100_SECONDS.number,
)
WHAT_IF = tuple(
    Node(
        "a faster node at a T4's price",
        f"what if it answered {rate:,}/s",
        rate,
        Given.T4_PRICE.number,
    )
    for rate in (100, 500, 1_000, 2_000)
)
NODES = (REAL, T4, H100, STANDIN)
