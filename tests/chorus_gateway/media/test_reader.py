from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from PIL import Image
from tests.chorus_gateway.media.files import png, png_claiming, wav
from tests.chorus_gateway.media.site import LIMITS, Site, serving

from chorus_gateway.errors import BadInput, BodyTooLarge, MediaTypeUnsupported
from chorus_gateway.media import MediaLimits, MediaReader
from chorus_gateway.tasks.forms import MediaSource


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


@pytest.fixture
async def reader(site: Site) -> AsyncIterator[MediaReader]:
    async for opened in opening(site.limits):
        yield opened


async def opening(limits: MediaLimits) -> AsyncIterator[MediaReader]:
    reader = MediaReader(limits)
    await reader.open()
    yield reader
    await reader.close()


async def read(reader: MediaReader, source: MediaSource) -> Image.Image | bytes:
    (medium,) = await read_all(reader, [source])
    return medium


async def read_all(reader: MediaReader, sources: list[MediaSource]) -> list[Image.Image | bytes]:
    return await reader.decode_all(await reader.open_all(sources))


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
    site.says(wav(), headers="content-type: audio/x-wav\r\n")
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
        assert len(await read_all(reader, [source(png((10, 10)))] * 2)) == 2
        assert len(await read_all(reader, [source(png((5, 10)))] * 5)) == 5
        with pytest.raises(BadInput, match="too many pixels together"):
            await read_all(reader, [source(png((10, 10)))] * 3)


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


def test_pillow_waits_for_the_first_image() -> None:
    script = "import sys, chorus_gateway.media; print('PIL' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.stdout == "False\n", run.stderr
