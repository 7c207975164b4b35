"""Reading a request body: decompressed on the way, and never more of it than the cap."""

import zlib
from collections.abc import Mapping
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ..errors import BadBody, TooLarge, UnknownType

# What zlib calls the formats: a gzip member, and what HTTP calls deflate (RFC 9110, 8.4.1).
_GZIP: Final = 16 + zlib.MAX_WBITS
_WINDOWS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


async def read(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """Read the body. `headers` have lower-case names; `limit` bytes, compressed or not.

    Raises TooLarge before it holds more than `limit`, UnknownType, BadBody, ClientDisconnect.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    inflate = _inflater(headers.get("content-encoding", "identity"), limit)
    chunks: list[bytes] = []
    arrived = length = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        arrived += len(chunk)
        if arrived > limit:
            raise _too_large(limit)
        if inflate:
            chunk = inflate.feed(chunk, limit - length)
        length += len(chunk)
        chunks.append(chunk)
    if inflate:
        inflate.finish()
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body must be at most {limit} bytes")


def _inflater(encoding: str, limit: int) -> "_Inflater | None":
    name = encoding.strip().lower()
    if name == "identity":
        return None
    if name not in _WINDOWS:
        raise UnknownType("content-encoding: must be gzip, deflate, or none")
    return _Inflater(_WINDOWS[name], limit)


class _Inflater:
    """Decompresses one stream, piece by piece."""

    def __init__(self, window: int, limit: int) -> None:
        self._stream = zlib.decompressobj(window)
        self._limit = limit

    def feed(self, chunk: bytes, room: int) -> bytes:
        """What a piece unpacks to. Raises TooLarge once that is more than `room`."""
        try:
            # One byte above the room shows that there is more, without unpacking it.
            unpacked = self._stream.decompress(chunk, room + 1)
        except zlib.error:
            raise BadBody("the body is not what its content-encoding says") from None
        if len(unpacked) > room:
            raise _too_large(self._limit)
        return unpacked

    def finish(self) -> None:
        """Check that the stream has ended, and nothing behind it. Raises BadBody."""
        if not self._stream.eof or self._stream.unused_data:
            raise BadBody("the body does not end where its content-encoding says")
