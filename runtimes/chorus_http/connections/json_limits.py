"""Looks at JSON before a parser does: how deep, of how many parts, at the speed of a copy.

A parser makes an object of each part before anybody can count them. Here they are counted as
bytes, and what is small, which is nearly everything, costs two searches.
"""

from itertools import accumulate
from typing import Final

from ..errors import BadBody

MAX_KEYS: Final = 1 << 15
"""Of all objects together; no request has a hundred."""
MAX_CONTAINERS: Final = 1 << 19
"""Arrays and objects: an image of 512 x 512 pixels as nested numbers has half as many."""
MAX_STRINGS: Final = 1 << 20

# Brackets as steps: up is 1, down is 255, which is -1 as a signed byte.
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


def check(body: bytes, max_depth: int) -> None:
    """Refuse what is nested too deeply or of too many parts, whether or not it is JSON.

    Raises BadBody.
    """
    if _openings(body) > max_depth or (len(body) > MAX_KEYS and body.count(b":") > MAX_KEYS):
        _check_structure(_without_strings(body), max_depth)


def _openings(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def _without_strings(body: bytes) -> bytes:
    """What is outside the strings. Raises BadBody where there are too many of them."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if body.count(b'"') > 2 * MAX_STRINGS:
        raise _too_many("strings", MAX_STRINGS)
    return b"".join(body.split(b'"')[::2])


def _check_structure(structure: bytes, max_depth: int) -> None:
    openings = _openings(structure)
    if structure.count(b":") > MAX_KEYS:
        raise _too_many("keys", MAX_KEYS)
    if openings > MAX_CONTAINERS:
        raise _too_many("arrays and objects", MAX_CONTAINERS)
    if openings <= max_depth:
        return
    steps = memoryview(structure.translate(_STEPS, _NO_BRACKETS)).cast("b")
    if max(accumulate(steps)) > max_depth:
        raise BadBody(f"body: nested more than {max_depth} levels deep")


def _too_many(what: str, limit: int) -> BadBody:
    return BadBody(f"body: more than {limit} {what}")
