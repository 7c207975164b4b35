"""How an image stands, from the metadata of a camera.

Read here and not by Pillow, which reads all other tags as well: those of 64 KB may ask for
hundreds of MB, by pointing to the same bytes again and again.
"""

import re
from typing import Final, Literal

UPRIGHT: Final = 1
MOST_TAGS: Final = 1000  # cameras write about 40

_TAG: Final = 0x0112
_SIZES: Final = {3: 2, 4: 4}  # a SHORT, as the format's document has it, or a LONG
_ORDERS: Final[dict[bytes, Literal["little", "big"]]] = {b"II*\0": "little", b"MM\0*": "big"}
_XMP: Final = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(exif: bytes, xmp: bytes) -> int:
    """The number from 1 to 8 of EXIF, or of XMP where EXIF has none; 1 where nobody says."""
    stated = _of_exif(exif) or _of_xmp(xmp)
    return stated if 1 <= stated <= 8 else UPRIGHT


def _of_exif(data: bytes) -> int:
    while data.startswith(b"Exif\0\0"):
        data = data[6:]
    order = _ORDERS.get(data[:4])
    if order is None:
        return 0
    first = int.from_bytes(data[4:8], order)
    count = int.from_bytes(data[first : first + 2], order)
    for number in range(min(count, MOST_TAGS)):
        at = first + 2 + 12 * number
        if int.from_bytes(data[at : at + 2], order) == _TAG:
            size = _SIZES.get(int.from_bytes(data[at + 2 : at + 4], order), 0)
            return int.from_bytes(data[at + 8 : at + 8 + size], order)
    return 0


def _of_xmp(data: bytes) -> int:
    found = _XMP.search(data)
    return int(found[1]) if found else 0
