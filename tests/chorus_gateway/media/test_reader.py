from __future__ import annotations

import asyncio
import base64
import gzip
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import pytest
from PIL import Image
from tests.chorus_gateway.media.files import png, png_claiming, wav

from chorus_gateway.errors import BadInput, BodyTooLarge, MediaTypeUnsupported, UrlNotAllowed
from chorus_gateway.media import MediaLimits, MediaReader, fetch
from chorus_gateway.tasks.forms import MediaSource

LIMITS = MediaLimits(
    max_bytes=100_000, max_pixels=1_000_000, fetch_timeout=10, hosts=("127.0.0.1",)
)


@dataclass
class Site:
    """A web server that counts who connects and answers by a function."""

    answer: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.answer:
                await self.answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller has seen enough
        finally:
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/a.png?key=secret"

    def says(self, body: bytes, status: str = "200 OK", headers: str = "") -> None:
        async def answer(writer: asyncio.StreamWriter) -> None:
            head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

        self.answer = answer


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with await asyncio.start_server(site.on_connection, "127.0.0.1") as server:
        site.port = server.sockets[0].getsockname()[1]
        yield site


@pytest.fixture
async def reader() -> AsyncIterator[MediaReader]:
    async for opened in opening(LIMITS):
        yield opened


async def opening(limits: MediaLimits) -> AsyncIterator[MediaReader]:
    reader = MediaReader(limits)
    await reader.open()
    yield reader
    await reader.close()


async def read(reader: MediaReader, source: MediaSource) -> Image.Image | bytes:
    (medium,) = await reader.read_all([source])
    return medium


def source(data: str | bytes, kind: Literal["image", "audio"] = "image") -> MediaSource:
    return MediaSource(kind, data)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_an_image_in_every_form(reader: MediaReader, site: Site) -> None:
    site.says(png())
    forms: list[str | bytes] = [
        png(),
        text(png()),
        f"data:image/gif;base64,{text(png())}",
        site.url,
    ]
    images = await asyncio.gather(*[read(reader, source(form)) for form in forms])
    for image in images:
        assert isinstance(image, Image.Image)
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (3, 2))
    assert len({image.tobytes() for image in images if isinstance(image, Image.Image)}) == 1


async def test_a_recording_in_every_form(reader: MediaReader, site: Site) -> None:
    site.says(wav())
    forms: list[str | bytes] = [
        wav(),
        text(wav()),
        f"data:audio/mpeg;base64,{text(wav())}",
        site.url,
    ]
    for form in forms:
        assert await read(reader, source(form, "audio")) == wav()


async def test_an_image_is_no_recording(reader: MediaReader) -> None:
    with pytest.raises(MediaTypeUnsupported):
        await read(reader, source(png(), "audio"))
    with pytest.raises(MediaTypeUnsupported):
        await read(reader, source(wav(), "image"))


@pytest.mark.parametrize("kind", ["image", "audio"])
async def test_too_many_bytes(reader: MediaReader, kind: Literal["image", "audio"]) -> None:
    for data in (bytes(LIMITS.max_bytes + 1), text(bytes(LIMITS.max_bytes + 1))):
        with pytest.raises(BodyTooLarge, match="at most 100000 bytes"):
            await read(reader, source(data, kind))


async def test_too_many_pixels(reader: MediaReader) -> None:
    with pytest.raises(BadInput, match="at most 1000000 pixels"):
        await read(reader, source(text(png_claiming(50_000, 50_000))))


async def test_many_images_may_be_too_large_together() -> None:
    limits = MediaLimits(max_pixels=100, max_request_pixels=250)
    async for reader in opening(limits):
        assert len(await reader.read_all([source(png((10, 10)))] * 2)) == 2
        assert len(await reader.read_all([source(png((5, 10)))] * 5)) == 5
        with pytest.raises(BadInput, match="too many pixels together"):
            await reader.read_all([source(png((10, 10)))] * 3)


@pytest.mark.parametrize("path", ["/etc/passwd", "file:///etc/passwd", "../a.png", __file__])
@pytest.mark.parametrize("kind", ["image", "audio"])
async def test_a_path_is_never_opened(
    reader: MediaReader, path: str, kind: Literal["image", "audio"]
) -> None:
    with pytest.raises((BadInput, MediaTypeUnsupported)):
        await read(reader, source(path, kind))


async def test_an_image_file_is_not_read_by_its_path(
    reader: MediaReader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("files") / "a.png"
    file.write_bytes(png())
    for path in (str(file), file.as_uri()):
        with pytest.raises(BadInput):
            await read(reader, source(path))


@pytest.mark.parametrize("hosts", [(), ("example.com",), ("*.0.0.1.example.com",)])
async def test_a_host_that_is_not_listed_is_never_connected_to(
    site: Site, hosts: tuple[str, ...]
) -> None:
    site.says(png())
    async for reader in opening(MediaLimits(hosts=hosts)):
        with pytest.raises(UrlNotAllowed, match="CHORUS_MEDIA_HOSTS"):
            await read(reader, source(site.url))
        with pytest.raises(UrlNotAllowed, match="CHORUS_MEDIA_HOSTS"):
            await read(reader, source(site.url, "audio"))
    assert site.connections == 0


async def test_a_redirect_is_not_followed(reader: MediaReader, site: Site) -> None:
    site.says(b"", "302 Found", f"location: http://127.0.0.1:{site.port}/b.png\r\n")
    with pytest.raises(BadInput, match="answered 302, not 200; redirects are not followed"):
        await read(reader, source(site.url))
    assert len(site.requests) == 1


async def test_another_status_names_the_host_but_not_the_query(
    reader: MediaReader, site: Site
) -> None:
    site.says(b"nothing here", "404 Not Found")
    with pytest.raises(BadInput) as refusal:
        await read(reader, source(site.url))
    assert str(refusal.value) == "127.0.0.1 answered 404, not 200"


async def test_no_more_is_sent_than_is_needed(reader: MediaReader, site: Site) -> None:
    site.says(png(), headers="set-cookie: a=b\r\n")
    for _ in range(2):
        await read(reader, source(site.url))
    for request in site.requests:
        names = {line.split(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"accept", b"accept-encoding", b"user-agent"}


async def test_a_body_declared_too_long_is_not_waited_for(reader: MediaReader, site: Site) -> None:
    stuck = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n")
        await stuck.wait()

    site.answer = answer
    with pytest.raises(BodyTooLarge, match="sends more than 100000 bytes"):
        await read(reader, source(site.url))
    stuck.set()


async def test_a_body_without_end_is_cut_off(reader: MediaReader, site: Site) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(10_000))
            await writer.drain()

    site.answer = endless
    with pytest.raises(BodyTooLarge, match="sends more than"):
        await read(reader, source(site.url))


async def test_a_small_file_that_unpacks_to_a_large_one_is_not_unpacked(
    reader: MediaReader, site: Site
) -> None:
    site.says(gzip.compress(bytes(10_000_000), mtime=0), headers="content-encoding: gzip\r\n")
    with pytest.raises(MediaTypeUnsupported):
        await read(reader, source(site.url))


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n\r\n\x89PNG"])
async def test_a_slow_server_is_cut_off(site: Site, said: bytes) -> None:
    stuck = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await stuck.wait()

    site.answer = answer
    async for reader in opening(MediaLimits(fetch_timeout=0.1, hosts=("127.0.0.1",))):
        with pytest.raises(BadInput, match=r"127\.0\.0\.1 did not answer in 0\.1 s"):
            await read(reader, source(site.url))
    stuck.set()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n12", b"\0\1"])
async def test_a_server_that_hangs_up(reader: MediaReader, site: Site, said: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    site.answer = answer
    with pytest.raises(BadInput, match=r"could not be reached, or cut the connection"):
        await read(reader, source(site.url))


async def test_nobody_listens(reader: MediaReader, unused_tcp_port: int) -> None:
    with pytest.raises(BadInput, match="could not be reached"):
        await read(reader, source(f"http://127.0.0.1:{unused_tcp_port}/"))


async def test_proxies_of_the_environment_are_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.port}")
    monkeypatch.setenv("no_proxy", "")
    site.says(png())
    async for reader in opening(MediaLimits(hosts=("nowhere.invalid",))):
        with pytest.raises(BadInput, match="could not be reached"):
            await read(reader, source("http://nowhere.invalid/a.png"))
    assert site.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_every_connection_passes_one_place(
    site: Site, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a later judge of addresses refuses: a host by number passes it as one by name does."""
    seen = []

    def refuse(address: fetch.Address) -> socket.socket:
        seen.append(address[4][:2])
        raise OSError("not there")

    monkeypatch.setattr(fetch, "_open_socket", refuse)
    async for reader in opening(MediaLimits(hosts=(host,))):
        with pytest.raises(BadInput, match="could not be reached"):
            await read(reader, source(f"http://{host}:{site.port}/a.png"))
    assert ("127.0.0.1", site.port) in seen
    assert site.connections == 0


def test_pillow_waits_for_the_first_image() -> None:
    script = "import sys, chorus_gateway.media; print('PIL' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.stdout == "False\n", run.stderr
