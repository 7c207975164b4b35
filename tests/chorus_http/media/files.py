"""Small real files of every format, and bombs made from them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import soundfile  # type: ignore[import-untyped]
from PIL import Image
from tests.chorus_gateway.media.files import encoded, picture, png, png_claiming

MIB = 1 << 20


def recording(
    container: str = "WAV",
    encoding: str | None = None,
    *,
    seconds: float = 0.5,
    rate: int = 16_000,
    channels: int = 1,
) -> bytes:
    """A tone."""
    file = io.BytesIO()
    tone = np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate) * 0.5
    frames = np.stack([tone] * channels, axis=1)
    soundfile.write(file, frames, rate, format=container, subtype=encoding)
    return file.getvalue()


def wav_claiming(rate: int = 16_000, channels: int = 1, size: int = 3200) -> bytes:
    """A WAV whose header says that; it has 3200 bytes of silence."""
    width = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * width % (1 << 32), width, 16)
    head = b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + form
    return head + b"data" + struct.pack("<I", size) + bytes(3200)


def flac_claiming(frames: int) -> bytes:
    """A FLAC of half a second that says that it has so many frames; 0 is unknown."""
    data = bytearray(recording("FLAC"))
    at = 8 + 13  # in STREAMINFO, the first block: 36 bits
    data[at] = data[at] & 0xF0 | frames >> 32
    data[at + 1 : at + 5] = (frames & 0xFFFFFFFF).to_bytes(4)
    return bytes(data)


def flac_silence(seconds: int, rate: int = 48_000, channels: int = 2) -> bytes:
    """Silence, packed ten thousandfold."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, format="FLAC", subtype="PCM_16") as out:
        second = np.zeros((rate, channels), np.int16)
        for _ in range(seconds):
            out.write(second)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(*chunks: bytes) -> bytes:
    """A small PNG with more parts after its header."""
    data = png()
    return b"".join([data[:33], *chunks, data[33:]])


def png_blank(width: int, height: int) -> bytes:
    """A PNG of one colour: a thousandth of its pixels."""
    pack = zlib.compressobj(9)
    rows = [pack.compress(bytes(1 + 3 * width)) for _ in range(height)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = [header, chunk(b"IDAT", b"".join([*rows, pack.flush()])), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg(size: tuple[int, int] = (8, 8), **options: object) -> bytes:
    return encoded(picture(size), "JPEG", **options)


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    """A small JPEG with more segments after its beginning."""
    data = jpeg()
    made = [
        bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2) + payload
        for marker, payload in segments
    ]
    return data[:2] + b"".join(made) + data[2:]


def jpeg_scans(count: int, size: tuple[int, int] = (8, 8)) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = jpeg(size, progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def gif_with(extensions: bytes) -> bytes:
    """A small GIF with extensions before its frame."""
    data = encoded(Image.new("P", (8, 8)), "GIF")
    frame = data.index(b",\0\0\0\0")
    return data[:frame] + extensions + data[frame:]


def gif_frames(count: int) -> bytes:
    data = encoded(Image.new("P", (8, 8)), "GIF")
    frame = data.index(b",\0\0\0\0")
    return data[:frame] + data[frame:-1] * count + b";"


def webp_canvas(width: int, height: int) -> bytes:
    """An animated WEBP of that canvas, with one frame of 8 x 8."""
    frame = encoded(picture((8, 8)), "WEBP")[12:]
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    place = bytes(6) + (7).to_bytes(3, "little") * 2 + (100).to_bytes(3, "little") + b"\0"
    parts = [
        (b"VP8X", bytes([2, 0, 0, 0]) + canvas),
        (b"ANIM", bytes(6)),
        (b"ANMF", place + frame),
    ]
    body = b"".join(kind + struct.pack("<I", len(data)) + data for kind, data in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def bmp_packed() -> bytes:
    """A run-length coded BMP of 33 megapixels, almost all of them left out."""
    data = b"\0\0" * 1000 + b"\0\1"
    start = 14 + 40 + 1024
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, 33_000, 1000, 1, 8, 1, len(data), 0, 0, 256, 0)
    return head + info + bytes(1024) + data


def tags(count: int, size: int, *more: tuple[int, int, int]) -> bytes:
    """EXIF with many tags that all point to the same bytes, and tags (number, type, value)."""
    entries = [struct.pack(">HHII", 0x9000 + number, 7, size, 8) for number in range(count)]
    entries += [struct.pack(">HHIHH", tag, kind, 1, value, 0) for tag, kind, value in more]
    directory = struct.pack(">H", len(entries)) + b"".join(entries) + bytes(4)
    return b"MM\0*\0\0\0\x08" + directory + bytes(size)


# Each small on the wire; what it would cost is in its name. None may cost it.
BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG of 50,000 x 50,000": lambda: png_claiming(50_000, 50_000),
    "PNG with 200,000 empty parts": lambda: png_with(chunk(b"abCd", b"") * 200_000),
    "PNG with 60 MiB of packed text": lambda: png_with(
        *(chunk(b"zTXt", b"k%d\0\0" % n + zlib.compress(bytes(MIB - 1), 9)) for n in range(60))
    ),
    "PNG with a profile of 100 MiB": lambda: png_with(
        chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(100 * MIB), 9))
    ),
    "PNG with tags of 500 MiB": lambda: png_with(chunk(b"eXIf", tags(500, MIB))),
    "JPEG with tags of 300 MiB": lambda: jpeg_with((0xE1, b"Exif\0\0" + tags(4000, 15_000))),
    "JPEG with 200,000 empty segments": lambda: jpeg_with(*[(0xE5, b"")] * 200_000),
    "JPEG with 10,000 scans": lambda: jpeg_scans(10_000),
    "GIF with 400,000 comments": lambda: gif_with(b"!\xfe\1a\0" * 400_000),
    "GIF with a comment in 400,000 parts": lambda: gif_with(b"!\xfe" + b"\1a" * 400_000 + b"\0"),
    "GIF of 65,535 x 65,535": lambda: (
        encoded(Image.new("P", (8, 8)), "GIF")[:6]
        + b"\xff" * 4
        + encoded(Image.new("P", (8, 8)), "GIF")[10:]
    ),
    "GIF of 10,000 frames": lambda: gif_frames(10_000),
    "WEBP with a canvas of 16,384 x 16,384": lambda: webp_canvas(16_384, 16_384),
    "packed BMP of 33,000 x 1000": bmp_packed,
    "packed TIFF of 5000 x 5000": lambda: encoded(
        Image.new("L", (5000, 5000)), "TIFF", compression="tiff_adobe_deflate"
    ),
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' width='99999' height='99999'/>",
    "HTML": lambda: b"<!doctype html><img src='http://127.0.0.1:1/'>",
    "PDF": lambda: b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj",
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd)(r)file",
    "PNG that is a ZIP": lambda: png_with()[:40] + b"PK\3\4" + bytes(5000) + b"PK\5\6" + bytes(18),
    "JPEG that is HTML": lambda: b"\xff\xd8\xff<script>alert(1)</script>" + b"\xff" * 1000,
}
