"""A connection ends when its time is up, is refused in JSON, and loses nothing that was right."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.chorus_http.served import LIMITS, Served, until

from chorus_http.connections.connection import MAX_CHUNKS

POST = b"POST /echo HTTP/1.1\r\nhost: a\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    one = Served()
    one.start()
    yield one
    one.stop()


def post(body: bytes, *headers: bytes) -> bytes:
    length = b"content-length: %d" % len(body)
    return b"\r\n".join([POST.rstrip(), length, *headers, b"", body])


def refusal(answer: bytes) -> tuple[int, str]:
    """Status and words of the one answer, which closes the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert b"connection: close" in lines
    assert b"content-type: application/json" in lines
    assert b"content-length: %d" % len(body) in lines
    return int(head.split()[1]), json.loads(body)["error"]


# ---------------------------------------------------------------------------------- in time


def test_a_silent_connection_is_closed(served: Served) -> None:
    with served.caller() as caller:
        assert caller.hear() == b""


def test_half_a_head_is_closed(served: Served) -> None:
    with served.caller() as caller:
        assert caller.say(POST).hear() == b""


def test_a_slow_head_is_closed(served: Served) -> None:
    with served.caller() as caller:
        assert caller.drip(POST + b"x: " + b"a" * 1000) < 20


def test_a_slow_body_is_closed(served: Served) -> None:
    begun = len(served.app.left)
    with served.caller() as caller:
        caller.say(POST + b"content-length: 1000\r\n\r\n").drip(b"a" * 1000)
    until(lambda: len(served.app.left) > begun, "the application hears of it")


def test_an_idle_connection_is_closed(served: Served) -> None:
    with served.caller() as caller:
        caller.say(post(b"a"))
        assert caller.hear().endswith(b"\r\n\r\na")


def test_one_that_was_answered_early_is_closed(served: Served) -> None:
    """uvicorn's own timer is lost when the rest of the body arrives after the answer."""
    with served.caller() as caller:
        caller.say(POST + b"content-length: 2000000\r\n\r\n")
        caller.say(b"a" * 1000)
        caller.hear()


def test_a_reader_who_does_not_read_is_cut(served: Served) -> None:
    until(lambda: served.connections == 0, "the others are gone")
    with served.caller() as caller:
        caller.say(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n")
        until(lambda: served.connections == 1, "connected")
        until(lambda: served.connections == 0, "cut")


def test_a_slow_reader_is_answered(served: Served) -> None:
    """Far longer than any of the times, a little at a time."""
    with served.caller() as caller:
        caller.say(b"GET /big HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert len(caller.hear(pause=0.005)) > 16 << 20


# ------------------------------------------------------------------------------- in limits


def test_a_head_within_the_limit_is_read(served: Served) -> None:
    spare = LIMITS.max_head_bytes - 100
    with served.caller() as caller:
        caller.say(post(b"a", b"connection: close", b"x: " + b"a" * spare))
        assert caller.hear().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "head",
    [
        POST + b"x: " + b"a" * 2000 + b"\r\n\r\n",
        b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x:\r\n" * 500 + b"\r\n",
        POST + b"x: " + b"a" * 1_000_000,
        b"GET /" + b"a" * 1_000_000,
        CHUNKED + b"1\r\na\r\n0\r\ntrailer: " + b"a" * 1_000_000,
        CHUNKED + b"1;" + b"a" * 1_000_000,
        b"\r\n" * 500_000,
    ],
    ids=["header", "path", "many", "endless", "endless path", "trailer", "extension", "nothing"],
)
def test_too_long_a_head_is_refused(served: Served, head: bytes) -> None:
    with served.caller() as caller:
        status, words = refusal(caller.say(head).hear())
    assert (status, words) == (431, "the request line and headers must be at most 2000 bytes")


def test_trailers_are_no_headers(served: Served) -> None:
    with served.caller() as caller:
        caller.say(
            CHUNKED + b"1\r\na\r\n0\r\ntrailer: a\r\n\r\n" + post(b"b", b"connection: close")
        )
        assert caller.hear().count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize(
    "said", [b"\x00\x01\r\n\r\n", b"GET\r\n\r\n", CHUNKED + b"zz\r\n", b"GET / HTTP/9\r\n\r\n"]
)
def test_what_is_no_http_is_refused(served: Served, said: bytes) -> None:
    with served.caller() as caller:
        assert refusal(caller.say(said).hear()) == (400, "this is no HTTP request")


def test_as_many_chunks_as_there_may_be(served: Served) -> None:
    chunks = b"1\r\na\r\n" * MAX_CHUNKS
    with served.caller() as caller:
        caller.say(CHUNKED + chunks + b"0\r\n\r\n" + post(b"b", b"connection: close"))
        assert caller.hear().count(b"HTTP/1.1 200 ") == 2


def test_one_chunk_more_is_refused(served: Served) -> None:
    chunks = b"1\r\na\r\n" * (MAX_CHUNKS + 1)
    with served.caller() as caller:
        status, words = refusal(caller.say(CHUNKED + chunks + b"0\r\n\r\n").hear())
    assert (status, words) == (413, "the body must come in at most 65536 chunks")


# -------------------------------------------------------------------------- and what is right


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    bodies = [b"%d" % number for number in range(50)]
    said = b"".join(post(body) for body in bodies[:-1]) + post(bodies[-1], b"connection: close")
    with served.caller() as caller:
        answers = caller.say(said).hear().split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == bodies


def test_what_came_before_garbage_is_answered(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.say(post(b"a") + post(b"b") + b"\x00garbage").hear()
    assert answer.count(b"HTTP/1.1 200 ") == 2


def test_a_body_in_small_pieces_is_read(served: Served) -> None:
    with served.caller() as caller:
        for byte in post(b"abc", b"connection: close"):
            caller.say(bytes([byte]))
        assert caller.hear().endswith(b"\r\n\r\nabc")


def test_an_upgrade_is_answered_as_if_nobody_had_asked(served: Served) -> None:
    asked = b"GET /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    with served.caller() as caller:
        assert caller.say(asked).hear().startswith(b"HTTP/1.1 200 ")


def test_an_upgrade_with_a_body_is_refused(served: Served) -> None:
    """The parser would lose the body."""
    with served.caller() as caller:
        asked = post(b"a", b"connection: upgrade", b"upgrade: h2c")
        assert refusal(caller.say(asked).hear())[0] == 400


@pytest.mark.parametrize("size", [0, 200_000])
def test_work_for_a_caller_who_leaves_is_cancelled(served: Served, size: int) -> None:
    begun, left = served.app.begun, len(served.app.left)
    with served.caller() as caller:
        caller.say(post(b"a" * size).replace(b"/echo", b"/wait"))
        until(lambda: served.app.begun > begun, "begun")
    until(lambda: served.app.left[left:] == ["/wait"], "cancelled")


@pytest.mark.parametrize("hosts", [(), (b"a", b"a"), (b"a/healthz?",), (b"",)], ids=repr)
def test_a_request_is_for_one_host(served: Served, hosts: tuple[bytes, ...]) -> None:
    begun = served.app.begun
    lines = [b"GET /echo HTTP/1.1", *(b"host: " + host for host in hosts), b"", b""]
    with served.caller() as caller:
        answer = caller.say(b"\r\n".join(lines)).hear()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":"host: ' in answer
    assert served.app.begun == begun


def test_who_speaks_http_1_0_names_none(served: Served) -> None:
    with served.caller() as caller:
        assert caller.say(b"GET /echo HTTP/1.0\r\n\r\n").hear().startswith(b"HTTP/1.1 200 ")
