from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from chorus_gateway.errors import (
    UpstreamError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from chorus_gateway.upstream.faults import FOREIGN_ERRORS, translate
from chorus_gateway.upstream.http_transport import HttpTransport

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeServer

INFER = "/v2/models/process/infer"
BODY = b'{"inputs": [{"data": ["a"]}]}'


@pytest.fixture
async def http(upstream_port: int) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(f"http://127.0.0.1:{upstream_port}", 1, max_answer_bytes=1000)
    await transport.open()
    yield transport
    await transport.close()


def family(base: type[Any]) -> Iterator[type[Any]]:
    yield base
    for child in base.__subclasses__():
        yield from family(child)


@pytest.mark.parametrize(
    "foreign", dict.fromkeys(family(aiohttp.ClientError)), ids=lambda c: c.__name__
)
def test_every_error_of_aiohttp_has_a_word(foreign: type[Exception]) -> None:
    assert any(issubclass(foreign, listed) for listed, _ in FOREIGN_ERRORS)


def test_timeouts_are_told_from_a_server_that_is_away() -> None:
    assert type(translate(aiohttp.SocketTimeoutError())) is UpstreamTimeout
    assert type(translate(TimeoutError())) is UpstreamTimeout
    assert type(translate(aiohttp.ConnectionTimeoutError())) is UpstreamTimeout
    assert type(translate(aiohttp.ServerDisconnectedError())) is UpstreamUnavailable


async def test_any_status_is_a_reply(http: HttpTransport, upstream: FakeServer) -> None:
    upstream.reply = lambda: web.Response(status=503, body=b"no", headers={"Retry-After": "7"})
    assert await http.request("POST", INFER, BODY, 5) == (503, b"no", "7")


async def test_a_key_that_is_not_taken_is_told_of_once(
    http: HttpTransport, upstream: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    for status in (401, 401, 200, 401):
        upstream.reply = lambda status=status: web.Response(status=status)
        await http.request("POST", INFER, BODY, 5)
    told = [record.getMessage() for record in caplog.records]
    assert ["CHORUS_UPSTREAM_KEY" in line for line in told] == [True, True]


async def test_nothing_is_unpacked(http: HttpTransport, upstream: FakeServer) -> None:
    """A few bytes may be a gigabyte; it was asked for as it is, and so it is judged."""
    packed = gzip.compress(b"{}" * 1000, mtime=0)
    headers = {"content-encoding": "gzip"}
    upstream.reply = lambda: web.Response(body=packed, headers=headers)
    assert (await http.request("POST", INFER, BODY, 5)).body == packed


async def test_redirects_are_not_followed(http: HttpTransport, upstream: FakeServer) -> None:
    upstream.reply = lambda: web.Response(status=307, headers={"Location": "/elsewhere"})
    assert (await http.request("POST", INFER, BODY, 5)).status == 307


async def test_a_refused_connection(http: HttpTransport) -> None:
    with pytest.raises(UpstreamUnavailable) as caught:
        await http.request("POST", INFER, BODY, 5)
    assert type(caught.value) is UpstreamUnavailable


async def test_a_slow_server(http: HttpTransport, upstream: FakeServer) -> None:
    upstream.delay = 5
    with pytest.raises(UpstreamTimeout):
        await http.request("POST", INFER, BODY, 0.05)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n12", b"\0\1"])
async def test_a_server_that_hangs_up(http: HttpTransport, upstream_port: int, said: bytes) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", upstream_port):
        with pytest.raises(UpstreamError):
            await http.request("POST", INFER, BODY, 5)


async def test_an_answer_that_is_too_long(http: HttpTransport, upstream: FakeServer) -> None:
    upstream.reply = lambda: web.Response(body=b"x" * 1001)
    with pytest.raises(UpstreamInvalid):
        await http.request("POST", INFER, BODY, 5)
    upstream.reply = lambda: web.Response(body=b"x" * 1000)
    assert len((await http.request("POST", INFER, BODY, 5)).body) == 1000


@pytest.mark.parametrize("between", [0, 0.05])
async def test_a_chunk_that_is_none_ends_the_waiting(
    http: HttpTransport, upstream_port: int, between: float
) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n")
        await writer.drain()
        await asyncio.sleep(between)
        writer.write(b"no chunk\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", upstream_port):
        with pytest.raises(UpstreamError) as caught:
            await http.request("POST", INFER, BODY, 30)
    assert not isinstance(caught.value, UpstreamTimeout)
