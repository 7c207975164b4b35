"""What is counted, and whose latency it is."""

from __future__ import annotations

import pytest
from tests.soak.mix import MIX, Kind, is_timed
from tests.soak.tally import Tally
from tests.soak.target import Outcome

KINDS = {kind.name: kind for kind in MIX}
GOOD = KINDS["good /process"]
BAD = KINDS["bad REST"]


def test_the_shares_are_of_one() -> None:
    assert sum(kind.share for kind in MIX) == pytest.approx(1.0)
    assert sum(kind.share for kind in MIX if is_timed(kind)) == pytest.approx(0.76)


@pytest.mark.parametrize(
    ("outcome", "wrong", "unexpected"),
    [
        (Outcome("200", True), 0, 0),
        (Outcome("200", True, "a stranger's answer"), 1, 0),
        (Outcome("500", False), 0, 1),
    ],
)
def test_what_is_amiss_is_counted_and_shown(outcome: Outcome, wrong: int, unexpected: int) -> None:
    tally = Tally()
    tally.record(GOOD, outcome, 1.0, 2.0)
    assert (tally.requests, tally.wrong, tally.unexpected) == (1, wrong, unexpected)
    assert len(tally.examples) == wrong + unexpected


@pytest.mark.parametrize(("kind", "timed"), [(GOOD, 1), (BAD, 0)])
def test_only_good_requests_are_timed(kind: Kind, timed: int) -> None:
    tally = Tally()
    tally.record(kind, Outcome("200", True), 70.0, 70.5)
    assert [minute.requests for minute in tally.minutes()] == ([0, 1] if timed else [])
    if timed:
        assert tally.minutes()[1].p99_ms == pytest.approx(500.0)
