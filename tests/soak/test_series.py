"""From samples to series: one per process that was always there; minutes without the warm-up."""

from __future__ import annotations

import pytest
from tests.soak.mix import MIX
from tests.soak.sampling import Held, Sample
from tests.soak.series import record_of
from tests.soak.tally import Tally
from tests.soak.target import Outcome

GOOD, *_ = MIX


def held(number: int) -> Held:
    return Held(600.0 + number, 500.0, 40 + number, 19, 0.0)


def samples(count: int) -> list[Sample]:
    return [Sample(30.0 * i, {"runtime 7": held(i)}, 3.0 * i) for i in range(count)]


def test_samples_become_series() -> None:
    record = record_of(60.0, samples(4), {}, Tally(), exit_code=0)
    (series,) = record.processes.values()
    assert list(series.seconds) == [0.0, 30.0, 60.0, 90.0]
    assert list(series.rss_mib) == [600.0, 601.0, 602.0, 603.0]
    assert list(series.descriptors) == [40, 41, 42, 43]
    assert record.strays == []


def test_a_process_that_is_started_again_is_a_stray() -> None:
    changed = samples(4)
    changed[2] = changed[2]._replace(held={"runtime 9": held(0)})
    assert record_of(0.0, changed, {}, Tally(), 0).strays == ["runtime 7", "runtime 9"]


def test_only_whole_minutes_after_the_warm_up_are_judged() -> None:
    tally = Tally()
    for second in range(0, 310, 10):
        tally.record(GOOD, Outcome("200", True), second, second + 0.001 * (1 + second // 60))
    record = record_of(120.0, samples(11), {}, tally, 0)
    assert [minute.p99_ms for minute in record.minutes] == pytest.approx([3.0, 4.0, 5.0])
    assert record.others_cores == pytest.approx([0.1, 0.1, 0.1])
