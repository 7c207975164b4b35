"""The formats of images and recordings: one table of each, told by a file's first bytes.

Recordings are what libsndfile decodes without another program; of the images, TIFF is missing on
purpose: 16 MB of it took a minute and 1 GiB before the first pixel.
"""

import re
from collections.abc import Mapping
from typing import Final

from chorus_http.media.errors import UnknownFormat

Table = Mapping[str, re.Pattern[bytes]]

IMAGES: Final[Table] = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "WEBP": re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "BMP": re.compile(rb"BM"),
}
RECORDINGS: Final[Table] = {
    "WAV": re.compile(rb"RIFF.{4}WAVE", re.DOTALL),
    "FLAC": re.compile(rb"fLaC"),
    "OGG": re.compile(rb"OggS"),
    "MP3": re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"),  # tags, or a frame of layer III
    "AIFF": re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL),
}


def image_format(data: bytes) -> str:
    """The name of an image's format. Raises UnknownFormat."""
    return _format(data, IMAGES, "image")


def recording_format(data: bytes) -> str:
    """The name of a recording's format. Raises UnknownFormat."""
    return _format(data, RECORDINGS, "recording")


def _format(data: bytes, table: Table, kind: str) -> str:
    for name, beginning in table.items():
        if beginning.match(data):
            return name
    raise UnknownFormat(f"the {kind} is none of {', '.join(table)}")
