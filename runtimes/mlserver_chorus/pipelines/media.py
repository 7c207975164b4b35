"""Images and recordings from bytes: never from a path, never from a URL, within limits.

What is wrong with them is the caller's to know, so every failure is an InvalidRequest.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidRequest

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Pillow has decoders for many more, some of them run other programs."""
MAX_CHANNELS = 16
MAX_SAMPLING_RATE = 384_000

_DATA_URI = re.compile(r"data:[\w.+/-]+(;[\w.=-]+)*;base64,", re.ASCII)
_BLANKS = re.compile(r"\s+", re.ASCII)

Samples = NDArray[np.float32]


@dataclass
class Budget:
    """What is left of one request's share of pixels and seconds."""

    pixels: int
    seconds: float

    def take_pixels(self, pixels: int, field: str) -> None:
        """Raises InvalidRequest when the images of a request are too large together."""
        self.pixels -= pixels
        if self.pixels < 0:
            raise InvalidRequest(field, "too many pixels for one request")

    def take_seconds(self, seconds: float, field: str) -> None:
        """Raises InvalidRequest when the recordings of a request are too long together."""
        self.seconds -= seconds
        if self.seconds < 0:
            raise InvalidRequest(field, "too many seconds of audio for one request")


def content(value: Any, field: str) -> bytes:
    """The bytes of a file: as they are, or as base64 with or without `data:…;base64,` before it."""
    if isinstance(value, bytes):
        try:
            return _decoded(value.decode("ascii"))
        except ValueError:
            return value  # no base64, so the file itself
    if not isinstance(value, str):
        raise InvalidRequest(field, "must be the bytes of a file, as base64")
    try:
        return _decoded(value)
    except ValueError:
        raise InvalidRequest(
            field, "is not base64; send the file itself, for no URL or path is ever opened"
        ) from None


def _decoded(text: str) -> bytes:
    prefix = _DATA_URI.match(text)
    digits = _BLANKS.sub("", text[prefix.end() if prefix else 0 :]).rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def image(value: Any, field: str, budget: Budget) -> Any:
    """A decoded `PIL.Image`; of an animation the first frame."""
    from PIL import Image

    if isinstance(value, np.ndarray):
        return _from_array(value, field, budget)
    data = content(value, field)
    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
        size = opened.width * opened.height
    except Exception:
        raise InvalidRequest(
            field, f"is not an image of a known kind ({', '.join(FORMATS)})"
        ) from None
    budget.take_pixels(size, field)
    try:
        opened.load()
    except Exception:
        raise InvalidRequest(field, "is an image that is cut off or damaged") from None
    return opened


def _from_array(array: NDArray[Any], field: str, budget: Budget) -> Any:
    from PIL import Image

    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.dtype != np.uint8:
        raise InvalidRequest(field, "must be UINT8 of shape [height, width, 1, 3 or 4]")
    if 0 in array.shape:
        raise InvalidRequest(field, "is an image without pixels")
    budget.take_pixels(array.shape[0] * array.shape[1], field)
    return Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array)


def recording(value: Any, field: str, budget: Budget, sampling_rate: int) -> Samples:
    """Mono float32 samples at `sampling_rate`; an array is taken to have that rate already."""
    if isinstance(value, np.ndarray):
        if value.ndim != 1 or not np.issubdtype(value.dtype, np.floating) or not len(value):
            raise InvalidRequest(field, "must be samples in floating point, of shape [n]")
        if not np.isfinite(value).all():
            raise InvalidRequest(field, "holds a sample that is not finite")
        budget.take_seconds(len(value) / sampling_rate, field)
        return value.astype(np.float32)
    samples, rate = _read(content(value, field), field, budget)
    return _resampled(samples, rate, sampling_rate)


def _read(data: bytes, field: str, budget: Budget) -> tuple[Samples, int]:
    import soundfile  # type: ignore[import-untyped]

    unknown = InvalidRequest(field, "is not audio of a known kind (WAV, FLAC, OGG, MP3, AIFF)")
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except Exception:
        raise unknown from None
    with file:
        rate = file.samplerate
        if not (0 < rate <= MAX_SAMPLING_RATE and 0 < file.channels <= MAX_CHANNELS):
            raise unknown
        budget.take_seconds(file.frames / rate, field)
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except Exception:
            raise InvalidRequest(field, "is audio that is cut off or damaged") from None
    if not len(samples) or not np.isfinite(samples).all():
        raise InvalidRequest(field, "is audio without samples, or with some that are not finite")
    return samples.mean(axis=1, dtype=np.float32), rate


def _resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    if rate == wanted:
        return samples
    import soxr  # type: ignore[import-untyped]

    resample: Callable[..., Samples] = soxr.resample
    return resample(samples, rate, wanted)
