"""A TCP proxy that does to a model server's answers what networks and dying processes do.

Who speaks instead of the server speaks to what is posted, so that questions about its health are
still answered by itself, unless the weather is `for_all`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]
CHUNK = 1 << 16


@dataclass(frozen=True)
class Weather:
    """What becomes of an answer: late by `latency` seconds, in slices with a pause after each.

    After `cut_after` bytes of it the connection is reset; `instead` of the server somebody else
    speaks.
    """

    latency: float = 0.0
    slice: int = CHUNK
    pause: float = 0.0
    cut_after: int | None = None
    instead: Say | None = None
    for_all: bool = False


FAIR = Weather()


class ChaosProxy:
    """Stands at `port` before the server at `behind`; change `weather` at any time."""

    def __init__(self, port: int, behind: int) -> None:
        self.port = port
        self.weather = FAIR
        self.posts = 0
        """How many requests were posted."""
        self._behind = behind
        self._server: asyncio.Server | None = None
        self._held: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ChaosProxy:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def listen(self) -> None:
        """Serve, whatever was before."""
        self.refuse()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def refuse(self) -> None:
        """Refuse connections; those that there are go on."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for one in self._held:
            one.close()
        self._held.clear()

    def drop(self) -> None:
        """Let connections neither come about nor fail: a full backlog drops what asks for one."""
        self.refuse()
        self.reset_all()
        full = socket.socket()
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind(("127.0.0.1", self.port))
        full.listen(0)
        self._held.append(full)
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self._held.append(one)

    def reset_all(self) -> None:
        """Cut every connection, as the death of a process does."""
        for task in self._tasks:
            task.cancel()

    async def _accept(self, caller: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(caller, answers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, caller: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        back: asyncio.Task[None] | None = None
        with contextlib.suppress(OSError, asyncio.CancelledError):
            replies, behind = await asyncio.open_connection("127.0.0.1", self._behind)
            back = asyncio.create_task(self._bring(replies, answers))
            while data := await caller.read(CHUNK):
                is_post = data.startswith(b"POST ")
                self.posts += is_post
                if self.weather.instead and (is_post or self.weather.for_all):
                    await self.weather.instead(answers)
                    break
                behind.write(data)
                await behind.drain()
        if back is not None:
            back.cancel()
            behind.close()
        reset(answers)

    async def _bring(self, replies: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Pass on what the server says until it ends or is cut."""
        with contextlib.suppress(OSError):
            while data := await replies.read(CHUNK):
                weather = self.weather
                await asyncio.sleep(weather.latency)
                for start in range(0, len(data[: weather.cut_after]), weather.slice):
                    answers.write(data[start : start + weather.slice][: weather.cut_after])
                    await answers.drain()
                    await asyncio.sleep(weather.pause)
                if weather.cut_after is not None:
                    break
        await asyncio.sleep(0.05)  # what was written goes out before the reset
        reset(answers)


def reset(answers: asyncio.StreamWriter) -> None:
    """Close the connection with a reset instead of an end."""
    with contextlib.suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        answers.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    answers.transport.abort()


async def hang(_: asyncio.StreamWriter) -> None:
    """Say nothing for ever: a black hole."""
    await asyncio.Event().wait()


async def cut(_: asyncio.StreamWriter) -> None:
    """Reset the connection, as every speech here ends."""


def saying(*parts: bytes, pause: float = 0.0, times: int = 1, ending: bool = True) -> Say:
    """Say these parts so many times, and hang up, or stay silent without `ending`."""

    async def say(answers: asyncio.StreamWriter) -> None:
        for _ in range(times):
            for part in parts:
                answers.write(part)
                await answers.drain()
                await asyncio.sleep(pause)
        if not ending:
            await hang(answers)
        answers.write_eof()
        await asyncio.sleep(0.1)

    return say


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer in HTTP."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextlib.asynccontextmanager
async def proxies(*ports: tuple[int, int]) -> AsyncIterator[list[ChaosProxy]]:
    """Run some: pairs of their own port and the one behind."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(ChaosProxy(*pair)) for pair in ports]
