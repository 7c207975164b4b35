"""When texts arrive in the open loop, and what becomes of those that find every client busy."""

import asyncio
from collections.abc import Sequence

import pytest
from benchmarks.arrivals import Ramp, arrival_times, arrivals
from tests.chorus.load.tiny_server import GOOD, reply, server, text

from chorus.load.address import loopback
from chorus.load.tally import Report


def test_a_constant_rate_spaces_texts_evenly() -> None:
    assert arrival_times(4, [Ramp(1.0, 4)]) == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_a_ramp_adds_up_to_the_area_below_it() -> None:
    times = arrival_times(0, [Ramp(10, 20)])
    assert len(times) == 100
    # The rate is 2 t, its integral t²: half of the texts are due after 70.7 % of the time.
    assert times[49] == pytest.approx(50**0.5)
    assert times[-1] == pytest.approx(10)


def test_ramps_follow_each_other_and_carry_fractions_over() -> None:
    times = arrival_times(1, [Ramp(0.5, 1), Ramp(2, 1), Ramp(0.5, 0)])
    assert times == pytest.approx([1, 2])
    assert len(arrival_times(1, [Ramp(5, 10), Ramp(5, 30), Ramp(10, 60)])) == 577
    falling = arrival_times(60, [Ramp(10, 0)])
    assert len(falling) == 300
    assert falling == sorted(falling)


async def arrive(
    port: int, times: Sequence[float], clients: int, timeout: float = 5.0, path: str = "/"
) -> Report:
    texts = [text(port, path)]
    return await arrivals(loopback(port), texts, times=times, clients=clients, timeout=timeout)


async def test_every_text_is_sent_and_counted() -> None:
    async with server(lambda path: reply(GOOD)) as port:
        report = await arrive(port, [0.002 * n for n in range(50)], clients=50)
    assert (report.good, report.sent, report.dropped) == (50, 50, 0)
    assert report.seconds >= 0.098
    assert 0 < report.p50_ms <= report.p99_ms


async def test_a_text_that_finds_all_clients_busy_is_dropped_not_queued() -> None:
    seen: list[str] = []

    def silent(path: str) -> bytes:
        seen.append(path)
        return b""

    async with server(silent) as port:
        report = await arrive(port, [0.01 * n for n in range(10)], clients=3, timeout=0.3)
    assert len(seen) == 3
    assert (report.errors, report.dropped) == (3, 7)
    assert "no reply in 0.3 s" in str(report.first_failure)


async def test_refusals_are_no_errors_and_no_answers() -> None:
    async with server(lambda path: reply(b"later", 503)) as port:
        report = await arrive(port, [0.0, 0.01, 0.02], clients=3)
    assert (report.good, report.refused, report.errors) == (0, 3, 0)
    assert report.p50_ms != report.p50_ms  # no good answer, so no latency


async def test_latency_counts_from_the_moment_a_text_was_due() -> None:
    async with server(lambda path: reply(GOOD)) as port:
        # Due long before the loop can send it.
        report = await arrive(port, [-2.0], clients=1)
    assert report.good == 1
    assert report.p50_ms >= 2000


@pytest.mark.slow
async def test_nobody_listens() -> None:
    async with server(lambda path: None) as port:
        pass
    load = arrive(port, [0.0, 0.1], clients=2)
    report = await asyncio.wait_for(load, 20)
    assert (report.good, report.dropped) == (0, 2)
    assert "cannot connect" in str(report.first_failure)
