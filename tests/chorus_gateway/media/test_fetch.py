from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from chorus_gateway.errors import (
    BadInput,
    BodyTooLarge,
    FetchFailed,
    FetchTimeout,
    UrlNotAllowed,
)
from chorus_gateway.media import MediaLimits, fetch
from chorus_gateway.media.fetch import Fetcher

from .files import png, wav
from .site import LIMITS, Site, serving

PNG_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n"
PNG_START = PNG_HEAD + b"\r\n"

# Of a key that is used nowhere else, signed by itself.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIBeIAJTlXNgpiEQv2gSX5C9G+b4ZweanlcKg7lt9hKSX
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBVTCCAQegAwIBAgIUDG07+s4H53VANPVTKVOfDoUmVCUwBQYDK2VwMBQxEjAQ
BgNVBAMMCWxvY2FsaG9zdDAgFw0yNjExMjExMTQ0MDNaGA8yMTI2MTAyODExNDQw
M1owFDESMBAGA1UEAwwJbG9jYWxob3N0MCowBQYDK2VwAyEAFeqovdBVAlv15Xp2
Ko4djXy+qvDT8XV0wlqlNTuu9uGjaTBnMB0GA1UdDgQWBBQdGFCETibbZBQXQqlp
UeHvY5du3DAfBgNVHSMEGDAWgBQdGFCETibbZBQXQqlpUeHvY5du3DAPBgNVHRMB
Af8EBTADAQH/MBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAFBgMrZXADQQDL36cdDd/Z
DJpi5r/97Ch/JmGMyPL74kurpho8lMBgC/gJeZacYLbPLY6uqSBd98h9je1HlsxX
uTvrZ8a/W/MF
-----END CERTIFICATE-----
"""


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


@asynccontextmanager
async def fetching(limits: MediaLimits) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(limits)
    await fetcher.open()
    yield fetcher
    await fetcher.close()


@pytest.fixture
async def fetcher(site: Site) -> AsyncIterator[Fetcher]:
    async with fetching(site.limits) as fetcher:
        yield fetcher


async def test_a_recording(fetcher: Fetcher, site: Site) -> None:
    site.says(wav(), headers="content-type: audio/x-wav\r\n")
    assert await fetcher.fetch(site.url, "audio") == wav()


@pytest.mark.parametrize("hosts", [(), ("example.com",), ("*.example",), ("public",)])
async def test_a_host_that_is_not_listed_is_never_connected_to(
    site: Site, hosts: tuple[str, ...]
) -> None:
    async with fetching(MediaLimits(hosts=hosts)) as fetcher:
        for kind in ("image", "audio"):
            with pytest.raises(UrlNotAllowed) as caught:
                await fetcher.fetch(site.url, kind)
            assert str(caught.value) == fetch.REFUSAL
    assert site.connections == 0


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("302 Found", "location: /b.png\r\n"),
        ("404 Not Found", ""),
        ("204 No Content", ""),
        ("206 Partial Content", "content-type: image/png\r\n"),
        ("200 OK", "content-type: text/html\r\n"),
        ("200 OK", "content-type: imagery/png\r\n"),
        ("200 OK", "content-type: audio/wav\r\n"),
        ("200 OK", "content-type: image/png\r\ncontent-encoding: gzip\r\n"),
        ("200 OK", "content-type: image/png\r\ncontent-encoding: br\r\n"),
    ],
)
async def test_what_is_no_plain_image_by_its_head_is_not_read(
    fetcher: Fetcher, site: Site, status: str, headers: str
) -> None:
    site.says(b"" if status.startswith("204") else png(), status, headers)
    with pytest.raises(FetchFailed):
        await fetcher.fetch(site.url, "image")
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "declared",
    [
        "content-type: image/png",
        "content-type: Image/PNG; a=b",
        "content-type: application/octet-stream",
        "content-type: binary/octet-stream",
        "server: x",
    ],
)
async def test_how_an_image_may_be_declared(fetcher: Fetcher, site: Site, declared: str) -> None:
    site.says(png(), headers=f"{declared}\r\ncontent-encoding: identity\r\n")
    assert await fetcher.fetch(site.url, "image") == png()


async def test_the_reason_is_logged_without_the_url(
    fetcher: Fetcher, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.says(b"a secret", "404 a secret")
    with caplog.at_level("INFO"), pytest.raises(FetchFailed):
        await fetcher.fetch(site.url, "image")
    assert "not fetched from a caller's URL: its status is 404" in caplog.text
    assert "secret" not in caplog.text


async def test_no_more_is_sent_than_is_needed(fetcher: Fetcher, site: Site) -> None:
    site.says(png(), headers="content-type: image/png\r\nset-cookie: a=b\r\n")
    for _ in range(2):
        await fetcher.fetch(site.url, "image")
    for request in site.requests:
        names = {line.split(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
        needed = {b"host", b"accept", b"accept-encoding", b"user-agent", b"x-chorus-hop"}
        assert names - {b"connection"} == needed


async def test_the_path_and_the_query_are_sent_as_they_are(fetcher: Fetcher, site: Site) -> None:
    site.says(png())
    await fetcher.fetch(f"http://127.0.0.1:{site.port}/a%2Fb%20c/../d;e?f[]=%67&h=/?", "image")
    assert site.requests[0].startswith(b"GET /a%2Fb%20c/../d;e?f[]=%67&h=/? HTTP/1.1\r\n")


async def test_a_body_declared_too_long_is_not_waited_for(fetcher: Fetcher, site: Site) -> None:
    site.holds(PNG_HEAD + b"content-length: 100001\r\n\r\n")
    with pytest.raises(BodyTooLarge, match="at most 100000 bytes"):
        await fetcher.fetch(site.url, "image")


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"", bytes(10_000)),
        (b"transfer-encoding: chunked\r\n", b"1000\r\n" + bytes(4096) + b"\r\n"),
    ],
)
async def test_a_body_without_end_is_cut_off(
    fetcher: Fetcher, site: Site, head: bytes, part: bytes
) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(PNG_HEAD + head + b"\r\n")
        while True:
            writer.write(part)
            await writer.drain()

    site.answer = endless
    with pytest.raises(BodyTooLarge, match="at most 100000 bytes"):
        await fetcher.fetch(site.url, "image")


async def test_no_more_is_read_than_was_declared(fetcher: Fetcher, site: Site) -> None:
    site.holds(PNG_HEAD + b"content-length: 5\r\n\r\n" + b"12345" + bytes(99))
    with suppress(FetchFailed):  # what comes behind the body may be seen
        assert await fetcher.fetch(site.url, "image") == b"12345"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nserver: ", PNG_START + b"\x89PNG"])
async def test_a_server_that_falls_silent_is_cut_off(
    site: Site, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(fetch, "STEP_SECONDS", 0.1)
    site.holds(said)
    async with fetching(site.limits) as fetcher:
        with pytest.raises(FetchTimeout):
            await fetcher.fetch(site.url, "image")


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nserver: ", PNG_START])
async def test_a_server_that_drips_is_cut_off(site: Site, start: bytes) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    site.answer = drip
    async with fetching(replace(site.limits, fetch_timeout=0.3)) as fetcher:
        with pytest.raises(FetchTimeout):
            await fetcher.fetch(site.url, "image")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0\1",
        PNG_HEAD + b"content-length: 9\r\n\r\n12",
        PNG_HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 9999,
    ],
)
async def test_a_server_that_hangs_up_or_babbles(fetcher: Fetcher, site: Site, said: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    site.answer = answer
    with pytest.raises(FetchFailed):
        await fetcher.fetch(site.url, "image")
    assert len(site.requests) == 1, "nothing is asked for twice"


async def test_nobody_listens(unused_tcp_port: int) -> None:
    place = f"127.0.0.1:{unused_tcp_port}"
    async with fetching(replace(LIMITS, hosts=(place,))) as fetcher:
        with pytest.raises(FetchFailed):
            await fetcher.fetch(f"http://{place}/", "image")


async def test_a_certificate_is_verified_and_asked_for_by_name(tmp_path: Path) -> None:
    heard: list[str | None] = []
    (tmp_path / "both.pem").write_text(CERTIFICATE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")
    context.sni_callback = lambda _, name, __: heard.append(name)
    site = Site()
    site.says(png())
    async with await asyncio.start_server(site.on_connection, "127.0.0.1", ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        async with fetching(replace(LIMITS, hosts=(f"https://localhost:{port}",))) as fetcher:
            with pytest.raises(FetchFailed):
                await fetcher.fetch(f"https://localhost:{port}/a.png", "image")
    assert heard[0] == "localhost"
    assert site.requests == []


async def test_proxies_of_the_environment_are_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.port}")
    monkeypatch.setenv("no_proxy", "")
    site.says(png())
    async with fetching(MediaLimits(hosts=("nowhere.invalid",))) as fetcher:
        with pytest.raises(FetchFailed):
            await fetcher.fetch("http://nowhere.invalid/a.png", "image")
    assert site.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///a.png",
        "HTTP://a.example\\@b.example/",
        "http://user@a.example/",
        "http://a.example/#part",
        "https://a.example./",
        "http://127.1/",
        "http://a.example/\r\nx: y",
        "http://a.example/" + "a" * 2048,
    ],
)
async def test_what_is_no_url_is_told_what_is(url: str) -> None:
    async with fetching(MediaLimits(hosts=("public",))) as fetcher:
        with pytest.raises(BadInput) as caught:
            await fetcher.fetch(url, "image")
        assert str(caught.value) == fetch.FORMS
