"""What rounds say together."""

from __future__ import annotations

import pytest

from chorus.load.address import loopback
from chorus.load.tally import Failures, Report
from chorus.measurement.histogram import BUCKETS, histogram
from chorus.measurement.probe import Door, Subject
from chorus.measurement.results import Figure, ratios, result
from chorus.measurement.rounds import Load
from chorus.measurement.server import Server
from chorus.measurement.shown import remarks

LOAD = Load(clients=8, rate=50.0, seconds=2.0, warmup=0.0)


def subject(weights: str | None = None) -> Subject:
    server = Server("http://a", loopback(1), "")
    return Subject(server, Door("/process", str.encode), weights, bool)


def report(
    *latencies_ms: float,
    errors: int = 0,
    cpu: float = 0.5,
    late: int = 0,
    lag: float = 0.1,
    kind: str = "500",
) -> Report:
    return Report(
        clients=8,
        seconds=2.0,
        good=len(latencies_ms),
        wrong=0,
        refused=0,
        errors=errors,
        dropped=0,
        p50_ms=0.0,
        p99_ms=0.0,
        generator_cpu_s=cpu,
        server_cpu_s=0.0,
        machine_cpu_s=0.0,
        late=late,
        lag_ms=lag,
        latencies_ms=sorted(latencies_ms),
        failures={kind: Failures(errors, f"the first {kind}")} if errors else {},
    )


def test_rounds_become_a_median_and_a_range_but_counts_are_added() -> None:
    rounds = [report(10, 20, 30, errors=1), report(40), report(50, 60, errors=2, kind="lost")]
    found = result(subject(), rounds)
    assert found.good_per_s == Figure(1.0, 0.5, 1.5)
    assert found.max_ms == Figure(40, 30, 60)
    assert (found.good, found.failed, found.rounds) == (6, 3, 3)
    assert [(one.kind, one.count, one.example) for one in found.failures] == [
        ("500", 1, "the first 500"),
        ("lost", 2, "the first lost"),
    ]
    assert found.client_cpu == 0.25


def test_percentiles_are_those_of_the_latencies() -> None:
    found = result(subject(), [report(*range(1, 101))])
    figures = (found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms)
    assert [figure and figure.median for figure in figures] == [51, 91, 100, 100]


def test_without_a_good_answer_there_is_no_figure() -> None:
    found = result(subject(), [report(errors=3)])
    assert found.good_per_s is found.p99_ms is None
    assert list(found.histogram) == []


def test_a_ratio_is_of_rounds_that_followed_each_other() -> None:
    first = [report(10, 10), report(20, 20, 20, 20), report(30)]
    second = [report(5), report(10), report()]
    found = ratios(first, second)
    assert found.good_per_s == Figure(3.0, 2.0, 4.0), "nothing is compared with a round of none"
    assert found.p50_ms == Figure(2.0, 2.0, 2.0)


def test_what_spoils_or_explains_a_figure_is_said() -> None:
    def said(weights: str | None = None, **of: float) -> str:
        return "\n".join(remarks(LOAD, [result(subject(weights), [report(10.0, **of)])]))  # type: ignore[arg-type]

    assert said() == ""
    assert "stand-ins answered" in said("standin")
    assert said("hub") == ""
    assert "busy for 90% of a core" in said(cpu=1.8)
    assert "up to 3.0 ms late" in said(lag=3.0)
    assert "7 requests" in said(late=7)
    assert "--clients allows more" in said(late=7)


@pytest.mark.parametrize(
    "values", [[5.0], [5.0] * 100, [0.0, 0.0], [0.0004, 9000.0], [float(n) for n in range(1, 5000)]]
)
def test_every_latency_is_in_one_bucket(values: list[float]) -> None:
    buckets = histogram(values)
    assert 1 <= len(buckets) <= BUCKETS
    assert sum(bucket.count for bucket in buckets) == len(values)
    bounds = [bucket.up_to_ms for bucket in buckets]
    assert bounds == sorted(set(bounds))
    assert bounds[-1] >= values[-1]
    below = 0.0
    for bucket in buckets:
        inside = [value for value in values if below < value <= bucket.up_to_ms]
        assert bucket.count == len(inside) + (values.count(0.0) if below == 0.0 else 0)
        below = bucket.up_to_ms


def test_of_no_latency_there_is_no_histogram() -> None:
    assert histogram([]) == []
