import pytest

from chorus_gateway.pace import Pace


def test_nothing_is_known_of_a_server_that_never_had_enough_to_do() -> None:
    pace = Pace()
    for now in range(10):
        pace.answered(64, float(now))
        pace.idle()
    assert pace.rate is None


def test_texts_per_second_while_texts_wait() -> None:
    pace = Pace()
    for now in range(5):
        pace.answered(64, float(now))
    assert pace.rate == pytest.approx(64)


def test_calls_that_end_together_are_no_speed() -> None:
    pace = Pace()
    for now in (0.0, 0.0, 1e-9, 0.02, 0.02):
        pace.answered(64, now)
    assert pace.rate is None
    for step in range(1, 9):  # two calls run at once, 128 texts in 20 ms
        pace.answered(64, 0.02 + step * 0.02)
        pace.answered(64, 0.02 + step * 0.02)
    assert pace.rate == pytest.approx(6400, rel=0.2)


def test_idle_time_is_no_work() -> None:
    pace = Pace()
    pace.answered(10, 0.0)
    pace.answered(10, 1.0)
    pace.idle()
    pace.answered(10, 100.0)
    pace.answered(10, 101.0)
    assert pace.rate == pytest.approx(10)


def test_what_was_is_forgotten() -> None:
    pace = Pace()
    for now in range(100):
        pace.answered(1000, now / 10)
    assert pace.rate == pytest.approx(10_000, rel=0.01)
    for now in range(10):
        pace.answered(1, 10.0 + now)
    assert pace.rate is not None
    assert pace.rate < 500


def test_calls_that_fail_are_time_without_texts() -> None:
    pace = Pace()
    pace.answered(0, 0.0)
    pace.answered(0, 1.0)
    assert pace.rate == 0
