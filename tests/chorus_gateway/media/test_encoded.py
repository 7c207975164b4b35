from __future__ import annotations

import base64
import textwrap

import pytest

from chorus_gateway.errors import BadInput, BodyTooLarge
from chorus_gateway.media.encoded import decode

DATA = bytes(range(256)) * 2 + b"+"  # 513 bytes: every digit, and no padding needed
PADDED = DATA + b"/"


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", DATA, PADDED], ids=len)
@pytest.mark.parametrize("head", ["", "data:image/png;base64,", "DATA:;charset=x;BASE64,"])
@pytest.mark.parametrize("lines", [None, 76])
@pytest.mark.parametrize("padding", [True, False])
def test_base64_in_every_dress(data: bytes, head: str, lines: int | None, padding: bool) -> None:
    text = base64.b64encode(data).decode()
    if not padding:
        text = text.rstrip("=")
    if lines:
        text = "\r\n".join(textwrap.wrap(text, lines))
    assert decode(head + text, limit=len(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        "QUJ-",  # the alphabet of URLs
        "QU_J",
        "QUJDé",
        "A",
        "QUI===",
        "QQ==QQ==",
        "file:///etc/passwd",
        "<svg></svg>",
        "data:image/png;base64,QUJ-",
        "data:image/png,QUJD",
        "data:image/png;base64",
        "data:x",
    ],
)
def test_anything_else_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(BadInput) as refusal:
        decode(text, limit=1000)
    assert text not in str(refusal.value)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_what_is_clearly_too_long_is_not_decoded(size: int) -> None:
    assert decode(base64.b64encode(bytes(size)).decode(), limit=size) == bytes(size)
    with pytest.raises(BodyTooLarge):
        decode("!" * 100, limit=size)
