"""One run of a child process: its lines as they come, and how it ended."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from chorus.liveness import Ask

OnLine = Callable[[str, str], None]

STDERR = 2
TAIL_LINES = 50
LINE_LIMIT = 65536  # a child that never ends its line must not fill the memory
PIPE_GRACE_S = 1.0  # a grandchild may hold the pipes open long after the child's end


@dataclass(frozen=True)
class Command:
    """What to start, and what to call it."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]


@dataclass(frozen=True)
class Child(Command):
    """A process to keep running, and the questions that tell whether it is ready and lives."""

    ready: Callable[[], Awaitable[bool]]
    live: Ask
    optional: bool = False
    """Whether the others do without it: while it starts, when it dies, and when it is given up."""
    niceness: int = 0
    """How much more than we it lets other processes go first, from 0 to 19."""


@dataclass(frozen=True)
class Exit:
    """How a process ended: its exit code (negative: the signal) and the last thing it said."""

    code: int
    last_line: str
    tail: tuple[str, ...]

    def __str__(self) -> str:
        if self.code >= 0:
            return f"exited with code {self.code}"
        return f"was killed by {signal.Signals(-self.code).name}"


class Process(asyncio.SubprocessProtocol):
    """A started child.

    A protocol, not `asyncio.subprocess.Process`: there, on some Pythons, `wait` also waits for
    the pipes, which a grandchild can hold open for ever.
    """

    def __init__(self, name: str, on_line: OnLine) -> None:
        self.name = name
        self._on_line = on_line
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._last_error = ""
        self._partial: dict[int, bytes] = {}
        self._open_pipes = 2
        self._silent = asyncio.Event()
        self._exited = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None

    @classmethod
    async def start(cls, child: Command, on_line: OnLine) -> "Process":
        """Start the child in a session of its own, tied to this process's life."""
        _, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(child.name, on_line),
            *_tethered(child.argv),
            env=child.env,
            stdin=None,
            start_new_session=True,  # a terminal's Ctrl-C is for the supervisor alone
        )
        return process

    def give_way(self, niceness: int) -> None:
        """Let other processes go first, more than we do; what it starts from now on does so too."""
        most = min(os.getpriority(os.PRIO_PROCESS, 0) + niceness, 19)  # less is the superuser's
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self._started().get_pid(), most)

    async def wait(self) -> Exit:
        """Wait for the end, and for what the process said last."""
        await self._exited.wait()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._silent.wait(), PIPE_GRACE_S)
        transport = self._started()
        transport.close()
        tail = tuple(self._tail)
        code = cast(int, transport.get_returncode())
        return Exit(code, self._last_error or (tail[-1] if tail else ""), tail)

    def terminate(self) -> None:
        """Ask the process to finish."""
        with suppress(ProcessLookupError):
            self._started().send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        if not self._exited.is_set():
            with suppress(ProcessLookupError):
                os.killpg(self._started().get_pid(), signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the handle of the process that has just been started."""
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Cut what arrived into lines; a progress bar's carriage returns end lines too."""
        text = self._partial.get(fd, b"") + data.replace(b"\r", b"\n")
        *lines, rest = text.split(b"\n")
        if len(rest) > LINE_LIMIT:
            lines, rest = [*lines, rest], b""
        self._partial[fd] = rest
        for line in lines:
            self._line(fd, line)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Deliver a last line without an end."""
        self._line(fd, self._partial.pop(fd, b""))
        self._open_pipes -= 1
        if not self._open_pipes:
            self._silent.set()

    def process_exited(self) -> None:
        """Note the end; the pipes may still hold lines."""
        self._exited.set()

    def _line(self, fd: int, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip()
        if not line:
            return
        self._tail.append(line)
        if fd == STDERR:
            self._last_error = line
        self._on_line(self.name, line)

    def _started(self) -> asyncio.SubprocessTransport:
        assert self._transport is not None, "a process is used only after start()"  # noqa: S101
        return self._transport


def _tethered(argv: Sequence[str]) -> Sequence[str]:
    if sys.platform != "linux":
        return argv
    tether = str(Path(__file__).with_name("tether.py"))
    return [sys.executable, "-I", "-S", tether, str(os.getpid()), *argv]
