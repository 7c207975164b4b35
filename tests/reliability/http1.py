"""HTTP/1.1 as bytes: requests before they are written down, and how they may be cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Request:
    """A request before it is written down."""

    method: bytes
    target: bytes
    body: bytes = b""
    headers: tuple[Header, ...] = ((b"Host", b"localhost"),)
    version: bytes = b"HTTP/1.1"

    @property
    def framed(self) -> Request:
        """With its length, where it has a body."""
        if not self.body:
            return self
        return self.adding((b"Content-Length", str(len(self.body)).encode()))

    def adding(self, *headers: Header) -> Request:
        return replace(self, headers=(*self.headers, *headers))

    @property
    def head(self) -> bytes:
        lines = [b"%s %s %s" % (self.method, self.target, self.version)]
        lines += [b"%s: %s" % header for header in self.headers]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def __bytes__(self) -> bytes:
        return self.head + self.body


def post(target: bytes, body: bytes) -> Request:
    """A request with JSON."""
    return Request(b"POST", target, body).adding((b"Content-Type", b"application/json"))


def pieces(random: Random, data: bytes) -> list[bytes]:
    """The data in up to seven parts."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randint(0, 6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]


def chunks(parts: Sequence[bytes]) -> bytes:
    """A whole body in the chunked coding."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
