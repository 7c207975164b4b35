"""The open loop against a tiny server: it says how long everybody waited, whoever was to blame."""

import asyncio
import time
from collections.abc import Callable

import pytest
from tests.chorus.load.tiny_server import GOOD, reply, server, text

from chorus.load.address import loopback
from chorus.load.closed import closed_loop
from chorus.load.opened import open_loop
from chorus.load.tally import Report, percentile

STALL_S = 1.0


def stalling_once(after: int) -> Callable[[str], bytes]:
    """Answers at once, but for one second, after so many requests, in which it does nothing."""
    seen = 0

    def answer(path: str) -> bytes:
        nonlocal seen
        seen += 1
        if seen == after:
            time.sleep(STALL_S)  # of the whole server, which has a thread of its own
        return reply(GOOD)

    return answer


async def opened(
    port: int,
    rate: float = 100,
    clients: int = 50,
    seconds: float = 0.5,
    timeout: float = 5.0,
    warmup: float = 0.0,
    stop: asyncio.Event | None = None,
) -> Report:
    return await open_loop(
        loopback(port),
        [text(port, "/")],
        rate=rate,
        clients=clients,
        seconds=seconds,
        warmup=warmup,
        timeout=timeout,
        stop=stop,
    )


async def test_every_request_that_was_due_is_counted_and_no_other() -> None:
    asked: list[str] = []

    def answer(path: str) -> bytes:
        asked.append(path)
        return reply(GOOD)

    async with server(answer) as port:
        report = await opened(port, rate=200, seconds=0.5, warmup=0.2)
    assert (report.good, report.failed, report.late) == (100, 0, 0)
    assert len(report.latencies_ms) == 100
    assert len(asked) == 140, "those of the warm-up are sent"
    assert report.good_per_s <= 200


async def test_a_stall_shows_in_an_open_loop_and_hides_in_a_closed_one() -> None:
    async with server(stalling_once(100), in_thread=True) as port:
        report = await opened(port, rate=200, seconds=1.5)
    slow = sum(latency > STALL_S * 1e3 / 2 for latency in report.latencies_ms)
    # Of those due within the stall, each waited for what was left of it: half of them that long.
    assert slow >= 0.9 * 200 * STALL_S / 2
    assert percentile(report.latencies_ms, 0.9) > STALL_S * 1e3 / 2

    async with server(stalling_once(50), in_thread=True) as port:
        closed = await closed_loop(
            loopback(port), [text(port, "/")], clients=4, seconds=1, warmup=0
        )
    assert max(closed.latencies_ms) >= STALL_S * 1e3
    # Only who was being served has noticed.
    assert sum(latency >= STALL_S * 1e3 for latency in closed.latencies_ms) <= 4


@pytest.mark.parametrize("rate", [None, 40])
async def test_known_delays_are_what_is_reported(rate: float | None) -> None:
    pause = 0.05

    async def later(path: str) -> bytes:
        await asyncio.sleep(pause)
        return reply(GOOD)

    async with server(later) as port:
        if rate:
            report = await opened(port, rate=rate, seconds=0.5)
            assert report.good == rate / 2
        else:
            texts = [text(port, "/")]
            report = await closed_loop(loopback(port), texts, clients=4, seconds=0.5, warmup=0.1)
            # Never faster than the server can be; and as this machine is shared, no tighter.
            assert 0 < report.good_per_s <= 4 / pause * 1.1
    assert report.latencies_ms[0] >= pause * 1e3
    assert report.p50_ms >= pause * 1e3


async def test_who_finds_no_client_waits_and_says_since_when() -> None:
    async def later(path: str) -> bytes:
        await asyncio.sleep(0.05)
        return reply(GOOD)

    async with server(later) as port:
        report = await opened(port, rate=100, clients=2, seconds=0.3)
    assert (report.good, report.failed) == (30, 0)
    assert report.late > 20
    # 30 requests of 0.05 s, two at a time, are 0.75 s of work; the last were due before 0.3 s.
    assert max(report.latencies_ms) >= 450


async def test_who_waits_longer_than_the_timeout_has_failed() -> None:
    async with server(lambda path: b"") as port:
        report = await opened(port, rate=50, clients=2, seconds=0.4, timeout=0.3)
    assert (report.good, report.failed) == (0, 20)
    assert report.failures["no reply in 0.3 s"].count >= 2
    assert sum(one.count for one in report.failures.values()) == 20


async def test_a_server_that_is_away_fails_each_request_once() -> None:
    async with server(lambda path: None) as port:
        pass
    report = await opened(port, rate=50, clients=5, seconds=0.4)
    assert (report.good, report.failed) == (0, 20)
    assert report.failures["cannot connect"].count == 20


async def test_failures_are_counted_by_kind_with_an_example() -> None:
    turns = iter(range(1000))

    def answer(path: str) -> bytes:
        turn = next(turns)
        if turn % 4 == 0:
            return reply(b'{"error": "first"}' if turn == 0 else b"later", 503)
        return reply(b"bad") if turn % 4 == 1 else reply(GOOD)

    async with server(answer) as port:
        report = await opened(port, rate=100, seconds=0.4)
    kinds = {kind: (one.count, one.example) for kind, one in report.failures.items()}
    assert kinds == {"503": (10, '{"error": "first"}'), "wrong": (10, "bad")}
    assert (report.good, report.refused, report.wrong) == (20, 10, 10)


async def test_a_connection_that_the_server_has_closed_while_idle_is_replaced() -> None:
    async with server(lambda path: reply(GOOD), closes_after=0.05) as port:
        report = await opened(port, rate=5, seconds=1, clients=3)
    assert (report.good, report.failed) == (5, 0)


async def test_a_generator_that_is_late_itself_says_so() -> None:
    loop, naps = asyncio.get_running_loop(), iter([0.2])

    def answer(path: str) -> bytes:
        loop.call_soon_threadsafe(time.sleep, next(naps, 0))
        return reply(GOOD)

    async with server(answer, in_thread=True) as port:
        report = await opened(port, rate=20, seconds=0.5)
    assert report.lag_ms >= 150
    assert max(report.latencies_ms) >= 150, "and so does everybody's latency"


async def test_it_stops_at_once_when_told_and_keeps_what_it_has() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, stop.set)
    async with server(lambda path: reply(GOOD)) as port:
        report = await asyncio.wait_for(opened(port, rate=100, seconds=600, stop=stop), 60)
    assert 0 < report.good < 60_000
    assert report.failed == 0
