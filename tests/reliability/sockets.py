"""Callers who say exactly what they want to, and hear what they are told."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SECONDS = 60.0
"""Deadline of a test for what a server should have done long before."""


@contextmanager
def connected(port: int, seconds: float = SECONDS) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as opened:
        yield opened


def said(opened: socket.socket, data: bytes) -> None:
    """Send all that the other side takes."""
    with suppress(ConnectionError):
        opened.sendall(data)


def heard(opened: socket.socket) -> bytes:
    """All until the server closes."""
    answer = b""
    with suppress(ConnectionError):
        while piece := opened.recv(65536):
            answer += piece
    return answer


def status(answer: bytes) -> int:
    """The first answer's, 0 where there is none."""
    return int(answer.split(maxsplit=2)[1]) if answer else 0


def seconds_until_closed(opened: socket.socket) -> float:
    """How long it takes until the server closes, while nobody says anything more."""
    started = time.monotonic()
    heard(opened)
    return time.monotonic() - started
