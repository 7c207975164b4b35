from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from aiohttp import web
from tests.chorus_gateway.v2_server import V2Server, error, event, generated, output

from chorus_gateway.errors import (
    BadInput,
    GatewayError,
    UnknownModel,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamLoading,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
)
from chorus_gateway.upstream import sender as sending
from chorus_gateway.upstream.deployed_url import Origin, Target
from chorus_gateway.upstream.pool import Pool, Server
from chorus_gateway.upstream.sender import Sender, passed_on
from chorus_gateway.upstream.transport import HttpTransport, Transport
from chorus_gateway.upstream.upstreams import Upstreams

BODY = b'{"inputs": []}'


@pytest.fixture
async def server() -> AsyncIterator[V2Server]:
    async with V2Server(m="text-generation").running() as server:
        yield server


class Counting(HttpTransport):
    """Our own server, with a count of how often it was chosen and what was found out."""

    def __init__(self, url: str) -> None:
        super().__init__(url, 1)
        self.leases = 0
        self.blamed: list[Exception] = []

    @contextmanager
    def lease(self) -> Iterator[str]:
        self.leases += 1
        try:
            with super().lease() as url:
                yield url
        except UpstreamUnavailable as found:
            self.blamed.append(found)
            raise


@asynccontextmanager
async def speaking(
    own: Transport, *, timeout: float = 5, most: int = 1 << 20
) -> AsyncIterator[tuple[Upstreams, list[UpstreamError]]]:
    errors: list[UpstreamError] = []
    sender = Sender(own, connect_timeout=1, max_answer_bytes=most)
    await sender.open()
    yield Upstreams(sender, timeout=timeout, probe_timeout=5, on_error=errors.append), errors
    await sender.close()


def foreign(server: V2Server, model: str | None = "m") -> Target:
    return Target(Origin("http", "127.0.0.1", server.port), model)


OWN = Target(None, "m")


async def test_an_answer(server: V2Server) -> None:
    async with speaking(Counting(server.url)) as (upstreams, _):
        for target in (OWN, foreign(server)):
            assert b"POSITIVE" in await upstreams.infer(target, BODY, {})
    assert [path for path, _ in server.calls] == ["/v2/models/m/infer"] * 2


async def test_only_ids_are_passed_on(server: V2Server) -> None:
    headers = {"x-amzn-trace-id": "an-id", "traceparent": "00-1-2-01", "authorization": "secret"}
    async with speaking(Counting(server.url)) as (upstreams, _):
        await upstreams.infer(foreign(server), BODY, passed_on(headers))
    names = {name.lower(): value for name, value in server.headers[0].items()}
    assert (names["x-request-id"], names["traceparent"]) == ("an-id", "00-1-2-01")
    assert names[sending.HOP] == "1"
    assert not {"authorization", "cookie", "x-amzn-trace-id"} & names.keys()


@pytest.mark.parametrize("value", ["x" * 129, "é", "a\nb"])
def test_an_id_that_is_none_stays_behind(value: str) -> None:
    assert passed_on({"x-request-id": value}) == {}


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
        (error(503, "later", **{"retry-after": "7"}), UpstreamUnavailable, ""),
        (error(429, "slower"), UpstreamUnavailable, ""),
        (error(504, "late"), UpstreamTimeout, ""),
        (web.Response(status=302, headers={"location": "http://127.0.0.1:1/"}), UpstreamFailed, ""),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
async def test_what_a_status_becomes(
    server: V2Server, answer: web.Response, kind: type[GatewayError], said: str
) -> None:
    server.answer = lambda _: answer
    async with speaking(Counting(server.url)) as (upstreams, errors):
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
        ("UNAVAILABLE", 503, UpstreamUnavailable),
        ("READY", 400, BadInput),
    ],
)
async def test_a_model_that_loads_is_told_from_one_that_does_not(
    server: V2Server, state: str, status: int, kind: type[GatewayError]
) -> None:
    server.states["m"] = state
    server.answer = lambda _: error(status, "Model m is not ready yet.")
    async with speaking(Counting(server.url)) as (upstreams, _):
        with pytest.raises(kind) as caught:
            await upstreams.infer(foreign(server), BODY, {})
    assert type(caught.value) is kind


async def test_nobody_listens(server: V2Server) -> None:
    own = Counting("http://127.0.0.1:1")
    async with speaking(own) as (upstreams, errors):
        with pytest.raises(UpstreamUnreachable):
            await upstreams.infer(OWN, BODY, {})
    assert own.leases == 2, "nothing can have run: once more"
    assert len(own.blamed) == 2
    assert [type(error) for error in errors] == [UpstreamUnreachable]


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
        own = Counting(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
        async with speaking(own) as (upstreams, _):
            with pytest.raises(UpstreamUnreachable):
                await upstreams.infer(OWN, BODY, {})
    assert requests == 1
    assert len(own.blamed) == (not said), "a server that answers is up, however it ends"


async def test_a_slow_server(server: V2Server) -> None:
    server.events = [asyncio.Event()]
    async with speaking(Counting(server.url), timeout=0.1) as (upstreams, _):
        with pytest.raises(UpstreamTimeout):
            await anext(upstreams.stream(foreign(server), BODY, {}))


async def test_an_answer_that_is_too_long(server: V2Server) -> None:
    server.answer = lambda _: output("x" * 2000)
    async with speaking(Counting(server.url), most=1000) as (upstreams, _):
        with pytest.raises(UpstreamInvalid):
            await upstreams.infer(foreign(server), BODY, {})


async def test_a_call_goes_to_another_of_our_servers_when_one_is_gone(server: V2Server) -> None:
    gone, here = (Server(url, Counting(url)) for url in ("http://127.0.0.1:1", server.url))
    pool = Pool([gone, here], "/v2/models/m/ready", 1)
    gone.is_up = here.is_up = True
    async with speaking(pool) as (upstreams, _):
        assert b"POSITIVE" in await upstreams.infer(OWN, BODY, {})
    assert (gone.is_up, here.is_up) == (False, True)
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
    async with speaking(Counting(server.url)) as (upstreams, _):
        if expected == "m":
            assert await upstreams.resolve(bare) == foreign(server)
            return
        kind = BadInput if isinstance(expected, str) else expected
        with pytest.raises(kind) as caught:
            await upstreams.resolve(bare)
    if kind is BadInput:
        assert expected in str(caught.value)


async def test_a_named_model_is_not_looked_for(server: V2Server) -> None:
    async with speaking(Counting(server.url)) as (upstreams, _):
        assert await upstreams.resolve(foreign(server)) == foreign(server)
    assert server.asked == []


async def test_a_stream(server: V2Server) -> None:
    server.events = list(generated("a", "b"))
    async with speaking(Counting(server.url)) as (upstreams, _):
        events = [one async for one in upstreams.stream(foreign(server), BODY, {})]
    assert len(events) == 2
    assert all("outputs" in one for one in events)
    assert server.calls[0][0] == "/v2/models/m/generate_stream"


async def test_a_stream_that_is_closed_lets_the_server_go(server: V2Server) -> None:
    server.events = [event("a"), asyncio.Event()]
    async with speaking(Counting(server.url)) as (upstreams, _):
        stream = upstreams.stream(foreign(server), BODY, {})
        await anext(stream)
        await stream.aclose()
        await asyncio.wait_for(server.left.wait(), 5)
