"""How an image stands: as Pillow reads it of what cameras write, and 1 of anything else."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image
from tests.chorus_gateway.media.files import encoded, picture
from tests.chorus_http.media.files import tags

from chorus_http.media.images import open_image
from chorus_http.media.orientation import orientation

TAG = 0x0112


def exif(value: object) -> Image.Exif:
    made = Image.Exif()
    made[TAG] = value
    made[0x010E] = "a description"
    return made


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", range(10))
def test_as_pillow_reads_it(kind: str, value: int) -> None:
    data = encoded(picture((16, 8)), kind, exif=exif(value))
    with Image.open(io.BytesIO(data)) as file:
        stated = file.getexif().get(TAG, 1)
    assert stated == value
    assert open_image(data, 1000).orientation == (value if 1 <= value <= 8 else 1)


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"])
def test_both_orders_of_bytes(order: str, prefix: bytes) -> None:
    sign = "<" if order == "II" else ">"
    entry = struct.pack(f"{sign}HHIHH", TAG, 3, 1, 6, 0)
    head = order.encode() + struct.pack(f"{sign}HI", 42, 8) + struct.pack(f"{sign}H", 1)
    assert orientation(prefix + head + entry + bytes(4), b"") == 6


@pytest.mark.parametrize("xmp", [b'tiff:Orientation="8"', b"<tiff:Orientation>8</tiff:Orient"])
def test_xmp_where_exif_says_nothing(xmp: bytes) -> None:
    assert orientation(b"", xmp) == 8
    assert orientation(tags(0, 0, (TAG, 3, 3)), xmp) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"II*\0",
        b"MM\0*\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II+\0\x08\0\0\0\0\0\0\0",
        tags(0, 0, (TAG, 2, 6)),
        tags(0, 0, (TAG, 3, 9)),
        tags(2000, 10, (TAG, 3, 6)),
    ],
)
def test_anything_else_is_upright(data: bytes) -> None:
    assert orientation(data, b"") == 1
