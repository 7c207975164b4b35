"""One file of a request, looked at before anything is unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chorus_gateway.errors import BadInput, BodyTooLarge, MediaTypeUnsupported
from chorus_gateway.media import encoded
from chorus_gateway.media.limits import MediaLimits
from chorus_http.media.errors import MediaError, UnknownFormat
from chorus_http.media.formats import recording_format

if TYPE_CHECKING:
    from PIL import Image

    from chorus_gateway.tasks.forms import Kind
    from chorus_http.media.images import OpenedImage

    File = OpenedImage | bytes
    """An image whose header has been read, or a recording, which the model server decodes."""
    Medium = Image.Image | bytes

# What a recording takes for each of its bytes: itself, and its base64 twice on the way out.
PER_BYTE = 4


def open_file(kind: Kind, data: str | bytes, limits: MediaLimits) -> File:
    """Read what a file is from its beginning. Raises BadInput, BodyTooLarge, MediaTypeUnsupported.

    It takes a moment for a large file.
    """
    content = encoded.decode(data, limits.max_bytes) if isinstance(data, str) else data
    if len(content) > limits.max_bytes:
        raise BodyTooLarge(f"an image or a recording must be at most {limits.max_bytes} bytes")
    try:
        if kind == "audio":
            recording_format(content)
            return content
        from chorus_http.media.images import open_image  # Pillow: who sends images pays for it

        return open_image(content, limits.max_pixels)
    except UnknownFormat as error:
        raise MediaTypeUnsupported(str(error)) from None
    except MediaError as error:
        raise BadInput(str(error)) from None


def decode(file: File) -> Medium:
    """An RGB image of format PNG, or the recording as it is. Raises BadInput."""
    if isinstance(file, bytes):
        return file
    try:
        return file.decode()
    except MediaError as error:
        raise BadInput(str(error)) from None


class Together:
    """What the files of one request may be together."""

    def __init__(self, limits: MediaLimits) -> None:
        self._bytes = limits.max_request_bytes
        self._pixels = limits.max_request_pixels
        self._limits = limits

    def add(self, file: File) -> None:
        """Count one more. Raises BadInput, BodyTooLarge."""
        if isinstance(file, bytes):
            self._bytes -= len(file)
        else:
            self._bytes -= len(file.data)
            self._pixels -= file.pixels
        if self._bytes < 0:
            raise BodyTooLarge(
                "the images and recordings of a request must be at most "
                f"{self._limits.max_request_bytes} bytes together"
            )
        if self._pixels < 0:
            raise BadInput("the images of the request have too many pixels together")


def memory(files: list[File]) -> int:
    """Most bytes that they take on their way: unpacked, and packed again for the model server."""
    recordings = PER_BYTE * sum(len(file) for file in files if isinstance(file, bytes))
    pixels = [file.pixels for file in files if not isinstance(file, bytes)]
    if not pixels:
        return recordings
    from chorus_http.media import images

    return recordings + images.memory(pixels)
