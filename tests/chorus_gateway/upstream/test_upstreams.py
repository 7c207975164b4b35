from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from tests.chorus_gateway.v2_server import V2Server, error, event, generated, output

from chorus_gateway.errors import (
    BadInput,
    GatewayError,
    UnknownModel,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamLoading,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from chorus_gateway.outbound.loops import HOP
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.foreign import ForeignServers
from chorus_gateway.upstream.pool import Pool
from chorus_gateway.upstream.sender import passed_on
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams
from chorus_http.logs.request_ids import CURRENT

from .servers import own_server, pool_of, sending, strangers

BODY = b'{"inputs": []}'


@pytest.fixture
async def server() -> AsyncIterator[V2Server]:
    async with V2Server(m="text-generation").running() as server:
        yield server


@asynccontextmanager
async def speaking(
    own: Pool | str,
    *,
    timeout: float = 5,
    most: int = 1 << 20,
    foreign: ForeignServers | None = None,
) -> AsyncIterator[tuple[Upstreams, list[UpstreamError]]]:
    errors: list[UpstreamError] = []
    pool = pool_of(own) if isinstance(own, str) else own
    async with sending(pool, foreign, most) as sender:
        yield Upstreams(sender, timeout=timeout, probe_timeout=5, on_error=errors.append), errors


def foreign(server: V2Server, model: str | None = "m") -> Target:
    return Target(Origin("http", "127.0.0.1", server.port), model)


OWN = Target(None, "m")


async def test_an_answer(server: V2Server) -> None:
    async with speaking(server.url) as (upstreams, _):
        for target in (OWN, foreign(server)):
            assert b"POSITIVE" in await upstreams.infer(target, BODY, {})
    assert [path for path, _ in server.calls] == ["/v2/models/m/infer"] * 2


async def test_only_ids_are_passed_on(server: V2Server) -> None:
    CURRENT.set("an-id")
    trace = f"00-{1:032x}-{2:016x}-01"
    headers = {"cookie": "a=b", "traceparent": trace, "authorization": "secret"}
    async with speaking(server.url) as (upstreams, _):
        await upstreams.infer(foreign(server), BODY, passed_on(headers))
    names = {name.lower(): value for name, value in server.headers[0].items()}
    assert (names["x-request-id"], names["traceparent"]) == ("an-id", trace)
    assert names[HOP] == "1"
    assert not {"authorization", "cookie"} & names.keys()


@pytest.mark.parametrize("value", ["x" * 129, "é", "a\nb", "00-1-2-01", "canary"])
def test_a_trace_that_is_none_stays_behind(value: str) -> None:
    assert passed_on({"traceparent": value}) == {}


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (error(400, "top_k: too small"), BadInput, "top_k: too small"),
        (error(422, "no such input"), BadInput, "no such input"),
        (error(413, "too long"), BadInput, "too long"),
        (error(400, "cannot open /srv/secret"), BadInput, "refused the input"),
        (error(401, "who?"), UpstreamRefused, ""),
        (error(403, "not you"), UpstreamRefused, ""),
        (error(404, "Model not found"), UnknownModel, "m"),
        (error(500, "oops"), UpstreamFailed, ""),
        (error(503, "later", **{"retry-after": "7"}), UpstreamBusy, ""),
        (error(429, "slower"), UpstreamBusy, ""),
        (error(504, "late"), UpstreamTimeout, ""),
        (web.Response(status=302, headers={"location": "http://127.0.0.1:1/"}), UpstreamFailed, ""),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
async def test_what_a_status_becomes(
    server: V2Server, answer: web.Response, kind: type[GatewayError], said: str
) -> None:
    server.answer = lambda _: answer
    async with speaking(server.url) as (upstreams, errors):
        with pytest.raises(kind) as caught:
            await upstreams.infer(foreign(server), BODY, {})
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(errors) == 1
    assert len(server.calls) == 1, "what has run is not sent again"


@pytest.mark.parametrize(
    ("state", "status", "kind"),
    [
        ("UNKNOWN", 400, UpstreamLoading),  # what MLServer says
        ("LOADING", 503, UpstreamLoading),
        ("UNAVAILABLE", 400, BadInput),  # will not heal
        ("UNAVAILABLE", 503, UpstreamBusy),
        ("READY", 400, BadInput),
    ],
)
async def test_a_model_that_loads_is_told_from_one_that_does_not(
    server: V2Server, state: str, status: int, kind: type[GatewayError]
) -> None:
    server.states["m"] = state
    server.answer = lambda _: error(status, "Model m is not ready yet.")
    async with speaking(server.url) as (upstreams, _):
        with pytest.raises(kind) as caught:
            await upstreams.infer(foreign(server), BODY, {})
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (OWN, UpstreamUnavailable),
        (Target(Origin("http", "127.0.0.1", 1), "m"), UpstreamUnreachable),
    ],
)
async def test_nobody_listens(target: Target, kind: type[UpstreamError]) -> None:
    servers = strangers(failures=3)
    pool = pool_of(own_server("http://127.0.0.1:1", failures=3))
    async with speaking(pool, foreign=servers) as (upstreams, errors):
        for _ in range(2):  # the second call is the third and the last connection
            with pytest.raises(kind):
                await upstreams.infer(target, BODY, {})
        breaker = (servers.choose(target.origin) if target.origin else pool._servers[0]).breaker
        assert breaker.is_open
        with pytest.raises(kind):
            await upstreams.infer(target, BODY, {})
    assert [type(error) for error in errors] == [kind] * 3


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n12"])
async def test_a_server_that_hangs_up_is_not_asked_again(said: bytes) -> None:
    requests = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with speaking(url) as (upstreams, _):
            with pytest.raises(UpstreamUnavailable):
                await upstreams.infer(OWN, BODY, {})
    assert requests == 1


async def test_a_connection_that_was_left_for_dead_costs_no_answer() -> None:
    """The second request on a kept-alive connection meets its end; the third gets the answer."""
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.readuntil(b"\r\n\r\n" + BODY):
            requests += 1
            if requests == 2:
                writer.close()
                return
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with speaking(url) as (upstreams, errors):
            for expected in (1, 3):
                assert await upstreams.infer(OWN, BODY, {}) == b"{}"
                assert requests == expected
    assert errors == []


async def test_a_busy_server_of_ours_passes_its_call_on_once(server: V2Server) -> None:
    async with V2Server(m="text-generation").running() as other:
        server.answer = lambda _: error(503, "busy", **{"retry-after": "7"})
        pool = pool_of(server.url, other.url)
        async with speaking(pool) as (upstreams, _):
            assert b"POSITIVE" in await upstreams.infer(OWN, BODY, {})
            other.answer = server.answer
            with pytest.raises(UpstreamBusy) as caught:
                await upstreams.infer(OWN, BODY, {})
        assert caught.value.retry_after == 7
        assert (len(server.calls), len(other.calls)) == (2, 2)
        assert [one.in_flight for one in pool._servers] == [0, 0]


@pytest.mark.parametrize("between", [None, b": nothing yet\n\n"])
async def test_a_stream_without_events_is_given_up(server: V2Server, between: bytes | None) -> None:
    server.events = [event("a"), *([between] * 1000 if between else [asyncio.Event()])]
    if between:
        server.pause = 0.02
    async with speaking(server.url, timeout=0.3) as (upstreams, _):
        stream = upstreams.stream(foreign(server), BODY, {})
        await anext(stream)
        with pytest.raises(UpstreamTimeout):
            await anext(stream)


@asynccontextmanager
async def saying(*parts: bytes, for_ever: bool = False) -> AsyncIterator[str]:
    """A server that says this to the first request of each connection, in parts; its URL."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.02)
            if not for_ever:
                break
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_a_stream_ends_with_its_connection() -> None:
    one = event("a")
    chunk = b"%x\r\n%s\r\n" % (len(one), one)
    async with saying(STREAM, chunk, b"no chunk\r\n") as url, speaking(url, timeout=30) as (ups, _):
        stream = ups.stream(OWN, BODY, {})
        await anext(stream)
        with pytest.raises(UpstreamUnavailable) as caught:
            await anext(stream)
    assert not isinstance(caught.value, UpstreamTimeout)


async def test_hints_are_no_answer() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    async with saying(hints, for_ever=True) as url, speaking(url, timeout=0.3) as (upstreams, _):
        with pytest.raises(UpstreamTimeout):
            await anext(upstreams.stream(OWN, BODY, {}))


async def test_a_slow_server(server: V2Server) -> None:
    server.events = [asyncio.Event()]
    async with speaking(server.url, timeout=0.1) as (upstreams, _):
        with pytest.raises(UpstreamTimeout):
            await anext(upstreams.stream(foreign(server), BODY, {}))


async def test_an_answer_that_is_too_long(server: V2Server) -> None:
    server.answer = lambda _: output("x" * 2000)
    async with speaking(server.url, most=1000) as (upstreams, _):
        with pytest.raises(UpstreamInvalid):
            await upstreams.infer(foreign(server), BODY, {})


async def test_a_call_goes_to_another_of_our_servers_when_one_is_gone(server: V2Server) -> None:
    gone, here = own_server("http://127.0.0.1:1", failures=1), own_server(server.url)
    pool = pool_of(gone, here)
    async with speaking(pool) as (upstreams, _):
        assert b"POSITIVE" in await upstreams.infer(OWN, BODY, {})
    assert (gone.breaker.is_open, here.breaker.is_open) == (True, False)
    assert here.in_flight == 0


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"m": "READY"}, "m"),
        ({"m": "READY", "n": "UNAVAILABLE", "a/b": "READY"}, "m"),
        ({"m": "READY", "n": "READY"}, "NAME is m, n"),
        ({"m": "UNKNOWN"}, UpstreamLoading),
        ({"m": "UNAVAILABLE"}, "serves no model"),
        ({}, "serves no model"),
    ],
)
async def test_a_server_without_a_model(
    server: V2Server, states: dict[str, str], expected: Any
) -> None:
    server.states = states
    bare = foreign(server, None)
    async with speaking(server.url) as (upstreams, _):
        if expected == "m":
            assert await upstreams.resolve(bare) == foreign(server)
            return
        kind = BadInput if isinstance(expected, str) else expected
        with pytest.raises(kind) as caught:
            await upstreams.resolve(bare)
    if kind is BadInput:
        assert expected in str(caught.value)


async def test_a_named_model_is_not_looked_for(server: V2Server) -> None:
    async with speaking(server.url) as (upstreams, _):
        assert await upstreams.resolve(foreign(server)) == foreign(server)
    assert server.asked == []


async def test_a_stream(server: V2Server) -> None:
    server.events = list(generated("a", "b"))
    async with speaking(server.url) as (upstreams, _):
        events = [one async for one in upstreams.stream(foreign(server), BODY, {})]
    assert len(events) == 2
    assert all("outputs" in one for one in events)
    assert server.calls[0][0] == "/v2/models/m/generate_stream"


async def test_a_stream_that_is_closed_lets_the_server_go(server: V2Server) -> None:
    server.events = [event("a"), asyncio.Event()]
    async with speaking(server.url) as (upstreams, _):
        stream = upstreams.stream(foreign(server), BODY, {})
        await anext(stream)
        await stream.aclose()
        await asyncio.wait_for(server.left.wait(), 5)
