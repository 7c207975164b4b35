from __future__ import annotations

import logging

import pytest

from chorus_gateway.errors import UpstreamTimeout, UpstreamUnavailable
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream import breaker as module
from chorus_gateway.upstream import foreign
from chorus_gateway.upstream.breaker import Breaker
from chorus_gateway.upstream.foreign import ForeignServers
from chorus_gateway.upstream.server import Server


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def after_failures(count: int, changes: list[bool] | None = None) -> Breaker:
    breaker = Breaker("s", 3, 5.0, (changes if changes is not None else []).append)
    for _ in range(count):
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row(clock: Clock) -> None:
    breaker = after_failures(2)
    breaker.worked()
    breaker.failed()
    breaker.failed()
    assert breaker.admits()
    breaker.failed()
    assert breaker.is_open
    assert not breaker.admits()


def test_each_pause_is_followed_by_one_trial(clock: Clock) -> None:
    breaker = after_failures(3)
    for _ in range(3):  # nobody says how a trial went: the next one comes all the same
        clock.now += 4.9
        assert not breaker.admits()
        clock.now += 0.1
        assert [breaker.admits() for _ in range(100)] == [True] + [False] * 99


def test_a_trial_decides(clock: Clock) -> None:
    breaker = after_failures(3)
    clock.now += 5
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()
    clock.now += 5
    assert breaker.admits()
    breaker.worked()
    assert all(breaker.admits() for _ in range(100))
    breaker.failed()
    assert breaker.admits(), "it starts to count again"


def test_a_probe_closes_it_at_any_time(clock: Clock) -> None:
    breaker = Breaker("s", 1)
    breaker.failed()
    clock.now += 1e6
    assert not breaker.admits()
    breaker.worked()
    assert breaker.admits()


def test_changes_are_told_once_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    changes: list[bool] = []
    breaker = after_failures(6, changes)
    breaker.worked()
    breaker.worked()
    assert changes == [True, False]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


@pytest.mark.parametrize(
    ("error", "timeout", "counts"),
    [
        (UpstreamUnavailable("reset"), 1.0, True),
        (UpstreamTimeout("silent"), 10.0, True),
        (UpstreamTimeout("its caller did not want to wait"), 9.9, False),
        (ValueError("a bug of ours"), 10.0, False),
    ],
)
def test_what_counts_against_a_server(error: Exception, timeout: float, counts: bool) -> None:
    server = Server("http://s", Breaker("s", 1), patience=10.0)
    with pytest.raises(type(error)), server.call(timeout):
        raise error
    assert server.breaker.is_open == counts
    assert server.in_flight == 0


def test_a_server_that_is_let_be_refuses_at_once_and_says_for_how_long() -> None:
    server = Server("http://s", Breaker("s", 1), patience=10.0)
    server.breaker.failed()
    with pytest.raises(UpstreamUnavailable) as caught, server.call(1.0):
        pytest.fail("nothing is sent")
    assert caught.value.retry_after


def test_of_servers_that_callers_name_the_latest_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(foreign, "MOST_SERVERS", 2)
    changes: list[bool] = []
    servers = ForeignServers(1, 60.0, 10.0, changes.append, lambda _: True)
    origins = [Origin("http", f"h{number}", 80) for number in range(3)]
    first = servers.choose(origins[0])
    first.breaker.failed()
    servers.choose(origins[1])
    assert servers.choose(origins[0]) is first
    servers.choose(origins[2])  # forgets the one in the middle
    assert servers.choose(origins[0]) is first
    servers.choose(origins[1])
    servers.choose(origins[2])
    assert servers.choose(origins[0]) is not first
    assert changes == [True, False]
