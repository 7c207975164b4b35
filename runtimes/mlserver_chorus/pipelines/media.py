"""Images and recordings from bytes: never from a path, never from a URL, within limits.

What is wrong with them is the caller's to know, so every failure is an InvalidRequest.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from chorus_http.media.errors import MediaError

from ..errors import InvalidRequest
from .recordings import Samples, checked, open_recording
from .undecoded import Undecoded

MOST_PIXELS = 89_478_485
"""Of one image, whatever its request may have."""
MOST_IMAGES = 4096
"""Of one request; to look at so many small ones takes a second."""
SAMPLE = 4
"""Bytes of a sample; it is there twice while the pieces of a recording are put together."""

_DATA_URI = re.compile(r"data:[\w.+/-]+(;[\w.=-]+)*;base64,", re.ASCII)
_BLANKS = re.compile(r"\s+", re.ASCII)

T = TypeVar("T")


@dataclass
class Budget:
    """What is left of one request's share of pixels and seconds, and what it has taken."""

    pixels: int
    seconds: float
    images: list[int] = field(default_factory=list)
    """The pixels of each."""
    samples: int = 0

    def take_pixels(self, pixels: int, where: str) -> None:
        """Raises InvalidRequest when the images of a request are too large together."""
        self.pixels -= pixels
        if self.pixels < 0:
            raise InvalidRequest(where, "too many pixels for one request")
        if len(self.images) >= MOST_IMAGES:
            raise InvalidRequest(where, f"more than {MOST_IMAGES} images in one request")
        self.images.append(pixels)

    def take_seconds(self, seconds: float, samples: int, where: str) -> None:
        """Raises InvalidRequest when the recordings of a request are too long together."""
        self.seconds -= seconds
        if self.seconds < 0:
            raise InvalidRequest(where, "too many seconds of audio for one request")
        self.samples += samples

    @property
    def bytes_at_most(self) -> int:
        """Memory while they are being decoded, and while a model reads them."""
        if not self.images:
            return 2 * SAMPLE * self.samples
        from chorus_http.media import images

        return images.memory(self.images) + 2 * SAMPLE * self.samples

    @property
    def bytes_kept(self) -> int:
        """Memory of all of them, decoded."""
        if not self.images:
            return SAMPLE * self.samples
        from chorus_http.media import images

        return images.memory_kept(self.images) + SAMPLE * self.samples


def content(value: Any, where: str) -> bytes:
    """The bytes of a file: as they are, or as base64 with or without `data:…;base64,` before it."""
    if isinstance(value, bytes):
        try:
            return _decoded(value.decode("ascii"))
        except ValueError:
            return value  # no base64, so the file itself
    if not isinstance(value, str):
        raise InvalidRequest(where, "must be the bytes of a file, as base64")
    try:
        return _decoded(value)
    except ValueError:
        raise InvalidRequest(
            where, "is not base64; send the file itself, for no URL or path is ever opened"
        ) from None


def _decoded(text: str) -> bytes:
    prefix = _DATA_URI.match(text)
    digits = _BLANKS.sub("", text[prefix.end() if prefix else 0 :]).rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def image(value: Any, where: str, budget: Budget) -> Undecoded:
    """A `PIL.Image` to be, upright and in RGB; of an animation the first frame."""
    if isinstance(value, np.ndarray):
        return _array(value, where, budget)
    from chorus_http.media.images import open_image

    data = content(value, where)
    opened = _checked(lambda: open_image(data, MOST_PIXELS), where)
    budget.take_pixels(opened.pixels, where)
    return Undecoded(where, opened.decode)


def _array(array: NDArray[Any], where: str, budget: Budget) -> Undecoded:
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.dtype != np.uint8:
        raise InvalidRequest(where, "must be UINT8 of shape [height, width, 1, 3 or 4]")
    if 0 in array.shape:
        raise InvalidRequest(where, "is an image without pixels")
    budget.take_pixels(array.shape[0] * array.shape[1], where)
    return Undecoded(where, partial(_from_array, array))


def _from_array(array: NDArray[Any]) -> Any:
    from PIL import Image

    return Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array)


def recording(value: Any, where: str, budget: Budget, sampling_rate: int) -> Undecoded:
    """Mono float32 samples to be; an array is taken to have `sampling_rate` already."""
    if isinstance(value, np.ndarray):
        return _samples(value, where, budget, sampling_rate)
    data = content(value, where)
    opened = _checked(lambda: open_recording(data), where)
    budget.take_seconds(opened.seconds, opened.samples_at(sampling_rate), where)
    return Undecoded(where, partial(opened.decode, sampling_rate))


def _samples(array: NDArray[Any], where: str, budget: Budget, rate: int) -> Undecoded:
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.floating) or not len(array):
        raise InvalidRequest(where, "must be samples in floating point, of shape [n]")
    budget.take_seconds(len(array) / rate, len(array), where)
    with np.errstate(over="ignore"):  # of FP64, what FP32 does not have
        samples: Samples = array.astype(np.float32)
    _checked(lambda: checked(samples, rate), where)
    return Undecoded(where, lambda: samples)


def _checked(work: Callable[[], T], where: str) -> T:
    try:
        return work()
    except MediaError as error:
        raise InvalidRequest(where, str(error)) from None
