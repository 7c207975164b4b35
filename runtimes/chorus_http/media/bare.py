"""An image file without what makes no pixels: metadata, comments, profiles, later frames.

Decoders read all of that first, in Python or without a bound. Here a few steps through the file
leave it aside, and refuse a file of very many parts: 16 MB of empty ones took Pillow 10 s.
"""

import re
import struct
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from chorus_http.media.errors import Damaged, UnknownFormat

MOST_PARTS: Final = 20_000  # 16 MiB of PNG in pieces of 1 KB; encoders write 4 KB and more
MOST_SCANS: Final = 64  # progressive JPEG has about 10; each costs a pass over all pixels

_PNG_PARTS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_XMP: Final = b"XML:com.adobe.xmp\0\0\0"  # the keyword, and that it is not compressed
_MARKER: Final = re.compile(rb"\xff+([^\x00\xff])")
_JPEG_ALONE: Final = frozenset({0x01, *range(0xD0, 0xDA)})  # markers without a length
_JPEG_METADATA: Final = frozenset({0xFE, *range(0xE1, 0xF0)} - {0xEE})  # APP14 says which colours
_SCAN: Final = 0xDA
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_WEBP_PARTS: Final = frozenset({b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"})
_BMP_PLAIN: Final = (0, 3)  # BI_RGB, BI_BITFIELDS


class Bare(NamedTuple):
    """A file of the same pixels, and the metadata that may say how it stands."""

    data: bytes
    exif: bytes = b""
    xmp: bytes = b""


def bare(data: bytes, name: str) -> Bare:
    """Take the file of a format down to its pixels. Raises Damaged, UnknownFormat."""
    try:
        return _WALKS[name](data)
    except (IndexError, struct.error):
        raise Damaged("the image is broken or cut off") from None


def _png(data: bytes) -> Bare:
    kept, exif, xmp, at = [data[:8]], b"", b"", 8
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        start, end = at, at + 12 + length
        if kind in _PNG_PARTS:
            kept.append(data[start:end])
        elif kind == b"eXIf":
            exif = data[start + 8 : end - 4]
        elif kind == b"iTXt" and data.startswith(_PNG_XMP, start + 8):
            xmp = data[start + 8 : end - 4]
        at = end
        if kind == b"IEND" or at >= len(data):
            return Bare(b"".join(kept), exif, xmp)
    raise _too_many_parts()


def _jpeg(data: bytes) -> Bare:
    kept, exif, xmp, at = [data[:2]], b"", b"", 2
    for _ in range(MOST_PARTS):
        found = _MARKER.search(data, at)
        if found is None:
            break
        marker, at = found[1][0], found.end()
        if marker == _SCAN:
            if data.count(b"\xff\xda", at) >= MOST_SCANS:
                raise Damaged(f"the image has more than {MOST_SCANS} scans")
            return Bare(b"".join([*kept, b"\xff\xda", data[at:]]), exif, xmp)
        if marker in _JPEG_ALONE:
            continue
        end = at + int.from_bytes(data[at : at + 2])
        if marker not in _JPEG_METADATA:
            kept.append(b"\xff" + found[1] + data[at:end])
        elif data.startswith(_EXIF, at + 2):
            exif += data[at + 8 : end]
        elif data.startswith(_XMP, at + 2):
            xmp = data[at + 2 : end]
        at = end
    else:
        raise _too_many_parts()
    raise Damaged("the image is broken or cut off")


def _gif(data: bytes) -> Bare:
    at, control = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0), b""
    head, left = data[:at], MOST_PARTS
    while data[at] == ord("!"):
        label, end = data[at + 1], at + 2
        while size := data[end]:
            end, left = end + 1 + size, left - 1
            if left < 0:
                raise _too_many_parts()
        left -= 1
        if label == 0xF9:  # which colour is transparent
            control = data[at : end + 1]
        at = end + 1
    return Bare(head + control + data[at:])


def _webp(data: bytes) -> Bare:
    kept: list[bytes] = []
    metadata, at = {b"EXIF": b"", b"XMP ": b""}, 12
    for _ in range(MOST_PARTS):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length
        if kind in metadata:
            metadata[kind] = data[at + 8 : end]
        elif kind in _WEBP_PARTS and not (
            kind == b"ANMF" and kept[-1:] and kept[-1].startswith(kind)
        ):
            kept.append(data[at : end + length % 2])
        at = end + length % 2
        if at + 8 > len(data):
            body = b"".join(kept)
            whole = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
            return Bare(whole, metadata[b"EXIF"], metadata[b"XMP "])
    raise _too_many_parts()


def _bmp(data: bytes) -> Bare:
    size = int.from_bytes(data[14:18], "little")
    if size >= 40 and int.from_bytes(data[30:34], "little") not in _BMP_PLAIN:
        raise UnknownFormat("the image is a packed BMP; send it as PNG")  # unpacked in Python
    return Bare(data)


def _too_many_parts() -> Damaged:
    return Damaged(f"the image file has more than {MOST_PARTS} parts")


_WALKS: Final[Mapping[str, Callable[[bytes], Bare]]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "WEBP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
}
