"""Run `chorus serve` where there is no network but this machine's own; count who tries to leave.

A program for `unshare --net`; `argv` is a folder for the log. Writes what came of it to stdout, as
JSON. The kernel counts packets that it has no way for, whichever library sends them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
from tests.stack.conftest import Stack

COUNTED = ("Ip:OutNoRoutes", "Ip6OutNoRoutes", "Udp:OutDatagrams", "Udp6OutDatagrams")
MODELS = ("cardiffnlp", "feature-extraction")
"""One of the five, and one that transformers loads and runs as a pipeline."""
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41
NOBODY = "192.0.2.1"


def main(folder: Path) -> None:
    """Serve, ask every port, stop; then try to leave, which must be seen."""
    _loopback()
    stack = Stack.start(folder / "serve.log", "--models", ",".join(MODELS))
    try:
        stack.wait_until_announced()
        answers = dict(_answers(stack))
    finally:
        code = stack.stop()
    attempts = sum(_counters())
    with contextlib.suppress(OSError):
        socket.create_connection((NOBODY, 80), timeout=1)
    seen = sum(_counters()) - attempts
    result = {"answers": answers, "exit": code, "attempts": attempts, "seen": seen}
    sys.stdout.write(json.dumps(result))


def _answers(stack: Stack) -> Iterator[tuple[str, int]]:
    tensor = {"name": "args", "shape": [1], "datatype": "BYTES", "data": ["I love this"]}
    for model in MODELS:
        body = {"inputs": "I love this"}
        reply = httpx.post(f"{stack.url}/models/{model}", json=body, timeout=60)
        yield f"gateway {model}", reply.status_code
        reply = httpx.post(
            f"{stack.v2}/models/{model}/infer", json={"inputs": [tensor]}, timeout=60
        )
        yield f"V2 {model}", reply.status_code
    yield "documentation", httpx.get(f"{stack.url}/docs", timeout=60).status_code
    yield "metrics", httpx.get(f"{stack.url}/metrics", timeout=60).status_code


def _loopback() -> None:
    """Turn it on: a new network has nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", _UP_AND_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def _counters() -> list[int]:
    """Packets without a way, and datagrams, which are how names are looked up."""
    lines = Path("/proc/self/net/snmp").read_text().splitlines()
    counts = {
        head.split()[0] + name: int(value)
        for head, values in zip(lines[::2], lines[1::2], strict=True)
        for name, value in zip(head.split()[1:], values.split()[1:], strict=True)
    }
    for line in Path("/proc/self/net/snmp6").read_text().splitlines():
        name, value = line.split()
        counts[name] = int(value)
    return [counts[name] for name in COUNTED]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
