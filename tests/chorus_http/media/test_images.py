from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.chorus_gateway.media.files import GREEN, RED, encoded, picture, png, png_claiming

from chorus_http.media.errors import Damaged, TooManyPixels, UnknownFormat
from chorus_http.media.formats import IMAGES
from chorus_http.media.images import open_image

PIXELS = 1000
ORIENTATION = 0x0112
ROOT = Path(__file__).parents[3]
FORMATS = tuple(IMAGES)


def decode(data: bytes, max_pixels: int) -> Image.Image:
    return open_image(data, max_pixels).decode()


@pytest.mark.parametrize("kind", [*FORMATS, "MPO"])
def test_every_format_becomes_rgb(kind: str) -> None:
    image = decode(encoded(picture((8, 4)), kind), PIXELS)
    assert (image.mode, image.format, image.size, image.info) == ("RGB", "PNG", (8, 4), {})


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert decode(encoded(Image.new(mode, (3, 2)), kind), PIXELS).mode == "RGB"


def test_the_pixels_are_those_of_the_file() -> None:
    image = decode(png(), PIXELS)
    assert [image.getpixel((0, 0)), image.getpixel((1, 0))] == [RED, GREEN]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_image_stands_upright(kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was turned: the first row is the right edge
    flat = Image.new("RGB", (16, 8), GREEN)
    flat.paste(RED, (0, 0, 16, 4))
    image = decode(encoded(flat, kind, exif=exif), PIXELS)
    assert image.size == (8, 16)
    red, green, _ = image.getpixel((7, 8))  # type: ignore[misc]
    assert (red > 200, green < 50) == (True, True)


def test_transparency_does_not_travel_on() -> None:
    image = Image.new("P", (3, 2))
    assert decode(encoded(image, "PNG", transparency=0), PIXELS).info == {}


def test_of_an_animation_only_the_first_frame_is_read() -> None:
    first, later = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), GREEN)
    data = encoded(first, "GIF", save_all=True, append_images=[later] * 3)
    endless = data[:-1] + data[-40:-1] * 50_000  # frame after frame, never an end
    for file in (data, endless):
        assert decode(file, PIXELS).getpixel((2, 2)) == RED


@pytest.mark.parametrize(
    "size",
    [(50_000, 50_000), (1 << 30, 1 << 30), (PIXELS + 1, 1)],
    ids=str,
)
def test_a_header_that_claims_too_much_is_enough_to_refuse(size: tuple[int, int]) -> None:
    with pytest.raises(TooManyPixels, match="at most 1000 pixels"):
        decode(png_claiming(*size), PIXELS)


def test_a_gif_whose_first_frame_is_larger_than_it_says() -> None:
    data = bytearray(encoded(Image.new("P", (4, 4)), "GIF"))
    frame = data.index(b",\0\0\0\0\4\0\4\0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(TooManyPixels, match="pixels"):
        decode(bytes(data), PIXELS)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_was_cut_off(kind: str) -> None:
    noise = Image.effect_noise((30, 30), 100).convert("RGB")
    data = encoded(noise, kind)
    with pytest.raises(Damaged, match="broken or cut off"):
        decode(data[: len(data) * 2 // 3], PIXELS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        b"<!doctype html><html></html>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"P6 1 1 255 abc",
        b"%PDF-1.4",
        encoded(picture(), "TIFF"),
        encoded(picture(), "ICO"),
        encoded(picture(), "EPS"),
    ],
)
def test_what_is_no_image_of_ours(data: bytes) -> None:
    with pytest.raises(UnknownFormat, match="PNG, JPEG"):
        decode(data, PIXELS)


def test_pillow_says_nothing_in_the_log() -> None:
    """The filter of warnings is the process's, and pytest has its own: so in another process."""
    script = (
        "from chorus_http.media.images import open_image\n"
        "from tests.chorus_gateway.media.files import png_claiming\n"
        "try: open_image(png_claiming(10_000, 10_000), 10 ** 12).decode()\n"
        "except Exception as error: print(type(error).__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (run.stdout, run.stderr) == ("Damaged\n", "")
