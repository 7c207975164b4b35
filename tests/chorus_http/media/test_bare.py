"""Files without what makes no pixels: the same picture, and little to read."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageOps
from tests.chorus_gateway.media.files import encoded
from tests.chorus_http.media import files
from tests.chorus_http.media.files import BOMBS

from chorus_http.media import bare
from chorus_http.media.errors import Damaged, MediaError, UnknownFormat
from chorus_http.media.images import open_image

ORIENTATION = 0x0112
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    + b" " * 2000
)
COMMENT = b"a comment that is no pixel"


def noise(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    grey = Image.effect_noise(size, 100)
    return Image.merge("RGB", [grey, grey.transpose(Image.Transpose.ROTATE_180), grey]).convert(
        mode
    )


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[ORIENTATION] = orientation
    made[0x010F] = "a camera"
    return made


FILES: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: encoded(noise(), "PNG", exif=exif(6), icc_profile=b"p" * 3000, dpi=(72, 72)),
    "PNG, palette": lambda: encoded(noise("P"), "PNG", transparency=0),
    "PNG, transparent": lambda: encoded(noise("RGBA"), "PNG"),
    "PNG, 16 bit": lambda: encoded(noise("L").convert("I;16"), "PNG"),
    "PNG, animated": lambda: encoded(noise(), "PNG", save_all=True, append_images=[noise()] * 3),
    "JPEG": lambda: encoded(noise(), "JPEG", exif=exif(8), icc_profile=b"p" * 99_000, comment="c"),
    "JPEG, progressive": lambda: encoded(noise(), "JPEG", progressive=True, xmp=XMP),
    "JPEG, CMYK": lambda: encoded(noise("CMYK"), "JPEG"),
    "JPEG, grey": lambda: encoded(noise("L"), "JPEG", restart_marker_blocks=1),
    "JPEG, several": lambda: encoded(noise(), "MPO", save_all=True, append_images=[noise()]),
    "WEBP": lambda: encoded(noise(), "WEBP", exif=exif(3), icc_profile=b"p" * 3001),
    "WEBP, lossless": lambda: encoded(noise("RGBA"), "WEBP", lossless=True, xmp=XMP),
    "WEBP, animated": lambda: encoded(noise(), "WEBP", save_all=True, append_images=[noise()] * 3),
    "GIF": lambda: encoded(noise("P"), "GIF", comment=COMMENT * 99, transparency=3),
    "GIF, animated": lambda: encoded(
        noise("P"), "GIF", save_all=True, append_images=[noise("P")] * 3, loop=0, interlace=1
    ),
    "BMP": lambda: encoded(noise(), "BMP"),
    "BMP, palette": lambda: encoded(noise("P"), "BMP"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_those_that_transformers_would_read(name: str) -> None:
    data = FILES[name]()
    with Image.open(io.BytesIO(data)) as file:
        expected = ImageOps.exif_transpose(file).convert("RGB")
    opened = open_image(data, 10_000)
    image = opened.decode()
    assert opened.pixels == 40 * 24
    assert (image.size, image.tobytes()) == (expected.size, expected.tobytes())


@pytest.mark.parametrize("name", FILES)
def test_metadata_and_later_frames_never_reach_the_decoder(name: str) -> None:
    data = FILES[name]()
    plain = bare.bare(data, name.partition(",")[0]).data
    assert len(plain) <= len(data)
    for what in (b"a camera", b"pppp", b"adobe:ns", COMMENT, b"fdAT", b"acTL"):
        assert what not in plain
    with Image.open(io.BytesIO(plain)) as file:
        assert "comment" not in file.info
    if plain.startswith(b"RIFF"):
        assert plain.count(b"ANMF") <= 1


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_is_decoded(name: str) -> None:
    try:
        image = open_image(BOMBS[name](), 1 << 25).decode()
    except MediaError:
        return
    assert image.width * image.height <= 100, "it has left what it was a bomb with"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PNG with 200,000 empty parts", "more than 20000 parts"),
        ("JPEG with 200,000 empty segments", "more than 20000 parts"),
        ("JPEG with 10,000 scans", "more than 64 scans"),
        ("GIF with 400,000 comments", "more than 20000 parts"),
        ("GIF with a comment in 400,000 parts", "more than 20000 parts"),
        ("PNG of 50,000 x 50,000", "at most 1000 pixels"),
        ("GIF of 65,535 x 65,535", "at most 1000 pixels"),
        ("WEBP with a canvas of 16,384 x 16,384", "at most 1000 pixels"),
        ("packed BMP of 33,000 x 1000", "packed BMP; send it as PNG"),
        ("JPEG that is HTML", "broken or cut off"),
        ("packed TIFF of 5000 x 5000", "none of PNG, JPEG, WEBP, GIF, BMP"),
        ("SVG", "none of PNG"),
        ("PostScript", "none of PNG"),
    ],
)
def test_why_a_bomb_is_refused(name: str, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        open_image(BOMBS[name](), 1000)


def test_what_is_within_the_bounds_is_taken() -> None:
    for data in (
        files.png_with(files.chunk(b"abCd", b"") * 1000),
        files.jpeg_with(*[(0xE5, b"a")] * 1000),
        files.jpeg_scans(50),
        files.gif_with(b"!\xfe\1a\0" * 1000),
        files.gif_frames(10),
    ):
        assert open_image(data, 1000).decode().size in {(3, 2), (8, 8)}


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_file_may_end_anywhere(name: str) -> None:
    data = encoded(noise(), name)
    for end in [*range(60), *range(60, len(data) - 30, 7)]:
        with pytest.raises((Damaged, UnknownFormat)):
            open_image(data[:end], 10_000).decode()
