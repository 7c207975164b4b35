"""Bodies in pieces, packed and plain: never more than the cap, never anything else than sent."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message

from chorus_http.connections.body import read
from chorus_http.errors import BadBody, Refused, TooLarge, UnknownType

LIMIT = 1000


class Connection:
    """Gives a body in pieces, and counts how many of them were asked for."""

    def __init__(self, pieces: Sequence[bytes], *, leaves: bool = False) -> None:
        self._pieces = list(pieces)
        self._leaves = leaves
        self.taken = 0

    async def receive(self) -> Message:
        if self.taken == len(self._pieces) and self._leaves:
            return {"type": "http.disconnect"}
        self.taken += 1
        more = self._leaves or self.taken < len(self._pieces)
        body = self._pieces[self.taken - 1]
        return {"type": "http.request", "body": body, "more_body": more}


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)] or [b""]


PACK = {
    "identity": lambda body: body,
    "gzip": gzip.compress,
    "GZIP": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}


@given(body=st.binary(max_size=LIMIT), size=st.integers(1, 64), how=st.sampled_from(sorted(PACK)))
async def test_what_was_packed_comes_out(body: bytes, size: int, how: str) -> None:
    packed = PACK[how](body)
    if len(packed) <= LIMIT:
        connection = Connection(cut(packed, size))
        assert await read({"content-encoding": how}, connection.receive, LIMIT) == body


async def test_no_encoding_is_plain() -> None:
    assert await read({}, Connection([b"a", b"", b"b"]).receive, LIMIT) == b"ab"


@pytest.mark.parametrize("how", sorted(PACK))
async def test_the_cap_is_exact(how: str) -> None:
    headers = {"content-encoding": how}
    most = PACK[how](b"a" * LIMIT)
    assert len(await read(headers, Connection([most]).receive, LIMIT)) == LIMIT
    with pytest.raises(TooLarge, match="at most 1000 bytes"):
        await read(headers, Connection([PACK[how](b"a" * (LIMIT + 1))]).receive, LIMIT)


async def test_a_declared_length_is_refused_unread() -> None:
    connection = Connection([b"a"])
    with pytest.raises(TooLarge):
        await read({"content-length": "1001"}, connection.receive, LIMIT)
    assert connection.taken == 0


@pytest.mark.parametrize("how", ["identity", "gzip"])
async def test_what_exceeds_the_cap_is_not_read_on(how: str) -> None:
    packed = PACK[how](bytes(10**6))
    pieces = cut(packed, 100) + [b"x" * 100] * 100
    connection = Connection(pieces)
    with pytest.raises(TooLarge):
        await read({"content-encoding": how}, connection.receive, LIMIT)
    assert connection.taken <= 11


@pytest.mark.parametrize(
    ("encoding", "body", "refusal"),
    [
        ("br", b"", UnknownType),
        ("gzip, gzip", b"", UnknownType),
        ("gzip, identity", b"", UnknownType),
        ("zstd", b"", UnknownType),
        ("gzip", b"", BadBody),
        ("gzip", b"{}", BadBody),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-1], BadBody),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"x", BadBody),
        ("gzip", zlib.compress(b"{}"), BadBody),
        ("deflate", gzip.compress(b"{}", mtime=0), BadBody),
    ],
)
async def test_other_encodings_and_broken_ones(
    encoding: str, body: bytes, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        await read({"content-encoding": encoding}, Connection([body]).receive, LIMIT)


async def test_a_caller_who_leaves() -> None:
    with pytest.raises(ClientDisconnect):
        await read({}, Connection([b"a"], leaves=True).receive, LIMIT)
