"""Requests without number for what is not there, one behind the other on a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Final

from tests.reliability.key_files import Key
from tests.reliability.keyed import WRONG
from tests.reliability.sockets import connected

AT_ONCE: Final = 100
FEW_METHODS: Final = ("PROPFIND", "OPTIONS")
ALL_METHODS: Final = (*FEW_METHODS, "MKCOL", "LOCK", "SEARCH", "PURGE", "REPORT", "TRACE")
_ANSWER: Final = b"HTTP/1.1 "
_EMPTY: Final = b"content-type: application/json\r\ncontent-length: 2\r\n"


def to_gateway(number: int, key: Key, methods: Sequence[str]) -> bytes:
    """Of each number another one, by one of the methods if it is about them."""
    kinds = (
        _request("GET", f"/nobody-{number}?q={number}", key),
        _request("POST", f"/stranger-{number}/v1", key),
        _request(methods[number % len(methods)], "/process", key),
        _request("POST", "/process", Key(f"{WRONG.name}-{number}")),
        _request("GET", f"/models/stranger.{number}/x", key),
    )
    return kinds[number % len(kinds)]


def to_model_server(number: int, key: Key, methods: Sequence[str]) -> bytes:
    """Of each number another one, by one of the methods if it is about them."""
    kinds = (
        _request("POST", f"/v2/models/stranger-{number}/infer", key),
        _request("GET", f"/v2/models/left/versions/{number}?q={number}", key),
        _request("POST", f"/v2/models/left/versions/{number}/infer", key),
        _request(methods[number % len(methods)], "/v2/models/left/infer", key),
        _request("GET", f"/v2/nothing-{number}", key),
        _request("GET", f"/v2/models/stranger-{number}/ready", Key(f"{WRONG.name}-{number}")),
        _request("POST", f"/v2/repository/models/stranger-{number}/unload", key),
    )
    return kinds[number % len(kinds)]


def pour(port: int, requests: Sequence[bytes]) -> int:
    """Send them all; how many answers came."""
    with connected(port) as opened:
        return sum(
            _answers(opened, requests[first : first + AT_ONCE])
            for first in range(0, len(requests), AT_ONCE)
        )


def _answers(opened: socket.socket, requests: Sequence[bytes]) -> int:
    opened.sendall(b"".join(requests))
    heard = b""
    while heard.count(_ANSWER) < len(requests) or not _is_whole(heard):
        piece = opened.recv(1 << 16)
        assert piece, heard[-500:]
        heard += piece
    return heard.count(_ANSWER)


def _is_whole(heard: bytes) -> bool:
    """Whether the last answer has its body."""
    head, _, body = heard[heard.rindex(_ANSWER) :].partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(_) and all(len(body) >= int(line.split(b":")[1]) for line in lengths)


def _request(method: str, target: str, key: Key) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nhost: localhost\r\nx-request-id: of {target}\r\n"
    head += f"authorization: Bearer {key.secret}\r\n"
    if method == "POST":
        return head.encode() + _EMPTY + b"\r\n{}"
    return head.encode() + b"\r\n"


def series(page: str) -> set[str]:
    """What a page of metrics tells apart."""
    lines: Iterator[str] = (line for line in page.splitlines() if not line.startswith("#"))
    return {line.rpartition(" ")[0] for line in lines}
