"""Recordings, told by their first bytes; the model server decodes them."""

from typing import Final

import filetype

from chorus_gateway.errors import MediaTypeUnsupported

FORMATS: Final = ("wav", "flac", "ogg", "mp3", "webm", "m4a", "amr")


def check(data: bytes) -> bytes:
    """Return `data` if it begins as a recording does. Raises MediaTypeUnsupported."""
    if filetype.guess_extension(data) not in FORMATS:
        raise MediaTypeUnsupported(f"the recording is none of {', '.join(FORMATS)}")
    return data
