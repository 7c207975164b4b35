"""A small application on limited connections, in a thread of its own, and callers with sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from chorus_http.connections.body import read
from chorus_http.connections.connection import Limits, limited
from chorus_http.connections.leaving import while_the_caller_stays

LIMITS = Limits(max_head_bytes=2000, head_timeout=0.4, body_timeout=0.8)
KEEP_ALIVE = 1
CLOSED_SECONDS = 10.0
"""Deadline of a test for what should have been closed long before."""


class App:
    """Echoes bodies; /big answers with a lot, /wait until it is cancelled."""

    def __init__(self) -> None:
        self.begun = 0
        self.left: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        assert "trailer" not in headers
        try:
            body = await read(headers, receive, 1 << 20)
            with while_the_caller_stays(scope):
                if scope["path"] == "/wait":
                    await asyncio.sleep(60)
        except ClientDisconnect:
            self.left.append(scope["path"])
            return
        if scope["path"] == "/big":
            body = bytes(16 << 20)
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


class Served:
    """A server that runs."""

    def __init__(self) -> None:
        self.app = App()
        config = uvicorn.Config(
            self.app,
            port=0,
            http=limited(LIMITS),
            loop="uvloop",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        until(lambda: self.server.started, "started")

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(CLOSED_SECONDS)

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    @contextmanager
    def caller(self) -> Iterator[Caller]:
        address = self.server.servers[0].sockets[0].getsockname()
        with socket.socket() as opened:
            opened.settimeout(CLOSED_SECONDS)
            opened.connect(address)
            yield Caller(opened)


class Caller:
    """One connection."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def say(self, data: bytes) -> Caller:
        self._socket.sendall(data)
        return self

    def hear(self, pause: float = 0.0) -> bytes:
        """All until the server closes, with a pause after each piece of 64 KiB."""
        heard = bytearray()
        with suppress(ConnectionResetError):
            while piece := self._socket.recv(65536):
                heard += piece
                time.sleep(pause)
        return bytes(heard)

    def drip(self, data: bytes, seconds: float = 0.05) -> float:
        """Send byte by byte until the server has had enough; how long that took."""
        started = time.monotonic()
        self._socket.settimeout(seconds)
        for byte in data:
            try:
                self._socket.sendall(bytes([byte]))
                if not self._socket.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            raise AssertionError("the server took it all")
        return time.monotonic() - started


def until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + CLOSED_SECONDS
    while not condition():
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.01)
