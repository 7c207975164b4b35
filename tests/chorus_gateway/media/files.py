"""Small real files, made on the spot."""

from __future__ import annotations

import io
import struct
import wave
import zlib

from PIL import Image

RED, GREEN = (255, 0, 0), (0, 255, 0)


def picture(size: tuple[int, int] = (3, 2)) -> Image.Image:
    """A green image with a red pixel in its first corner."""
    image = Image.new("RGB", size, GREEN)
    image.putpixel((0, 0), RED)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(size: tuple[int, int] = (3, 2)) -> bytes:
    return encoded(picture(size), "PNG")


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header declares that size; its data is a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(bytes(1000))),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def wav(seconds: float = 0.01) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16000)
        recording.writeframes(bytes(2 * int(16000 * seconds)))
    return out.getvalue()
