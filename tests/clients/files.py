"""The image and the recording that the clients send, made on the spot."""

from __future__ import annotations

import base64
import io
import math
import wave
from array import array

from PIL import Image, ImageDraw

SIZE = (64, 48)
RATE = 16_000  # Hz; what most models of speech take


def picture() -> Image.Image:
    """A few coloured shapes, so that no two places look alike."""
    image = Image.new("RGB", SIZE, (230, 220, 200))
    draw = ImageDraw.Draw(image)
    draw.rectangle((4, 6, 30, 40), fill=(200, 30, 40))
    draw.ellipse((28, 10, 60, 42), fill=(20, 90, 200))
    draw.line((0, 47, 63, 0), fill=(10, 120, 30), width=3)
    return image


def png(image: Image.Image | None = None) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, "PNG")
    return out.getvalue()


def samples(rate: int = RATE) -> array[int]:
    """Half a second of a rising tone, 16 bits, one channel."""
    count = rate // 2
    return array("h", (int(9000 * math.sin(0.05 * n + 2e-6 * n * n)) for n in range(count)))


def wav(rate: int = RATE) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(rate)
        recording.writeframes(samples(rate).tobytes())
    return out.getvalue()


def text(data: bytes) -> str:
    """Base64, as the clients write it."""
    return base64.b64encode(data).decode()
