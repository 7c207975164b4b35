"""The closed loop against a tiny server whose every reply is decided by the test."""

from collections.abc import Iterator
from itertools import count

import pytest
from tests.chorus.load.tiny_server import GOOD, reply, server, text

from chorus.load.address import loopback
from chorus.load.closed import closed_loop
from chorus.load.connection import Call, Text, post
from chorus.load.tally import Report


async def load(port: int, *texts: Text, clients: int = 4, timeout: float = 5.0) -> Report:
    return await closed_loop(
        loopback(port), texts, clients=clients, seconds=0.4, warmup=0.05, timeout=timeout
    )


async def test_good_replies_are_counted_and_timed() -> None:
    async with server(lambda path: reply(GOOD)) as port:
        report = await load(port, text(port, "/"))
    assert report.good > 20
    assert (report.wrong, report.errors, report.first_failure) == (0, 0, None)
    assert report.good_per_s == report.good / report.seconds
    assert 0 < report.p50_ms <= report.p99_ms
    assert report.generator_cpu_s > 0


@pytest.mark.parametrize(
    ("bad", "counted", "explained"),
    [
        (reply(b"bad"), "wrong", "wrong: bad"),
        (reply(b"overload", 503), "refused", "503: overload"),
        (reply(b"slowly", 429), "refused", "429: slowly"),
        (reply(b"bug", 500), "errors", "500: bug"),
        (b"no HTTP at all, but long enough\r\n\r\n", "errors", "not HTTP"),
        (None, "errors", "connection lost"),
    ],
)
async def test_a_bad_reply_is_counted_never_ignored(
    bad: bytes | None, counted: str, explained: str
) -> None:
    turns = count()
    async with server(lambda path: bad if next(turns) % 3 == 0 else reply(GOOD)) as port:
        report = await load(port, text(port, "/"))
    assert report.good > 0
    others = {"wrong", "refused", "errors"} - {counted}
    assert getattr(report, counted) > 0
    assert all(getattr(report, other) == 0 for other in others)
    assert explained in str(report.first_failure)


async def test_each_text_has_its_own_check() -> None:
    async with server(lambda path: reply(path.encode())) as port:
        one = Call(post("/one", b"", loopback(port)), lambda body: body == b"/one")
        two = Call(post("/two", b"", loopback(port)), lambda body: body == b"/one")
        report = await load(port, (one,), (two,), clients=1)
    assert report.good > 0
    assert abs(report.good - report.wrong) <= 1


async def test_an_aggregated_text_is_good_only_when_all_five_are() -> None:
    paths = ("/a", "/b", "/c", "/d", "/e")
    asked: list[str] = []

    def answer(path: str) -> bytes:
        asked.append(path)
        return reply(GOOD)

    async with server(answer) as port:
        report = await load(port, text(port, *paths), clients=2)
    assert report.errors == report.wrong == 0
    # Some texts end outside of the window.
    assert 0 < report.good * 5 <= len(asked)
    assert max(map(asked.count, paths)) - min(map(asked.count, paths)) <= 2

    async with server(lambda path: reply(b"bad" if path == "/c" else GOOD)) as port:
        report = await load(port, text(port, *paths), clients=2)
    assert report.good == 0
    assert report.wrong > 0


async def test_the_worst_reply_decides_an_aggregated_text() -> None:
    replies = {"/a": reply(GOOD), "/b": reply(b"bad"), "/c": reply(b"", 500)}
    async with server(replies.__getitem__) as port:
        report = await load(port, text(port, *replies))
    assert (report.good, report.errors) == (0, 0)
    assert report.wrong > 0


async def test_no_reply_is_an_error_after_the_timeout() -> None:
    async with server(lambda path: b"") as port:
        report = await load(port, text(port, "/"), clients=2, timeout=0.05)
    assert report.good == 0
    assert report.errors > 0
    assert "no reply in 0.05 s" in str(report.first_failure)


async def test_nobody_listens() -> None:
    async with server(lambda path: None) as port:
        pass
    report = await load(port, text(port, "/"), clients=2)
    assert report.good == 0
    assert report.errors > 0
    assert "cannot connect" in str(report.first_failure)


async def test_texts_are_sent_in_order_and_over_again() -> None:
    asked: Iterator[str]
    seen: list[str] = []

    def answer(path: str) -> bytes:
        seen.append(path)
        return reply(GOOD)

    async with server(answer) as port:
        await load(port, *(text(port, path) for path in ("/0", "/1", "/2")), clients=1)
    asked = (f"/{number % 3}" for number in count())
    assert len(seen) > 6
    assert all(path == expected for path, expected in zip(seen, asked, strict=False))
