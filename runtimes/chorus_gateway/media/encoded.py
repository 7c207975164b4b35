"""Files as text: base64, bare or in a data URI."""

import base64
import binascii
from typing import Final

from chorus_gateway.errors import BadInput, BodyTooLarge

EXPECTED: Final = "send it as base64, as a data URI or as an http(s) URL"
_NO_BLANKS: Final = str.maketrans("", "", " \t\r\n")


def decode(text: str, limit: int) -> bytes:
    """Read base64, with or without line breaks and padding. Raises BadInput, BodyTooLarge."""
    digits = _payload(text).translate(_NO_BLANKS)
    if len(digits) * 3 // 4 > limit + 2:  # the last group of four may stand for one byte
        raise BodyTooLarge(f"an image or a recording must be at most {limit} bytes")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):  # a ValueError: not ASCII
        raise BadInput(f"the image or recording is not base64; {EXPECTED}") from None


def _payload(text: str) -> str:
    """Drop the head of a data URI; what it declares is not believed, so not read either."""
    if text[:5].lower() != "data:":
        return text
    head, comma, payload = text.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise BadInput("a data URI must read data:<type>;base64,<data>")
    return payload
