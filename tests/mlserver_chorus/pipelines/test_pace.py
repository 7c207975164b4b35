"""How long a model takes, of late."""

from __future__ import annotations

import pytest

from mlserver_chorus.pipelines.pace import Pace


def test_it_follows_what_runs_take() -> None:
    pace = Pace()
    assert pace.time_for(100) == 0
    pace.ran(2.0, 4)
    assert pace.time_for(10) == pytest.approx(5.0)
    pace.ran(30.0, 1)
    assert 5.0 < pace.time_for(10) < 100.0
    for _ in range(50):
        pace.ran(0.1, 1)
    assert pace.time_for(10) == pytest.approx(1.0, rel=0.01)
