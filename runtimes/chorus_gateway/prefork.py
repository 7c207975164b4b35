"""Several processes that do the same work: a parent forks them, replaces them, ends with them."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NoReturn

STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT})
AWAITED: Final = STOP | {signal.SIGCHLD}
RESTART_DELAY: Final = 0.1  # a child that is killed again and again must not take a core

# What a child does with its listener; the descriptor ends (is readable) when the parent does.
Work = Callable[[socket.socket, int], None]

logger = logging.getLogger("chorus_gateway")


class Prefork:
    """One child per listener. `on_end` is told the process id of each that has ended.

    A child is born with the AWAITED signals blocked and unblocks them once it can handle them.
    The parent must have no thread and no event loop: neither survives a fork.
    """

    def __init__(
        self, listeners: Sequence[socket.socket], work: Work, on_end: Callable[[int], None]
    ) -> None:
        self._listeners = listeners
        self._work = work
        self._on_end = on_end
        self._running: dict[int, socket.socket] = {}
        self._stopping = False
        self._code = 0
        self._lifeline, self._held = os.pipe()  # nobody writes: the kernel closes it with us

    def run(self) -> int:
        """Run until a signal, passing it on. Return the exit code: 0 when every child's was."""
        signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
        for listener in self._listeners:
            self._fork(listener)
        while self._running:
            number = signal.sigwait(AWAITED)
            if number == signal.SIGCHLD:
                self._reap()
            elif self._stopping:
                self._kill(number)
            else:
                self._stop(number)
        return self._code

    def _stop(self, number: int) -> None:
        """Let go of the port, which is then free as soon as the children let go of it too."""
        self._stopping = True
        for listener in self._listeners:
            listener.close()
        self._signal(number)

    def _kill(self, number: int) -> None:
        self._code = 128 + number  # as a shell reports a process that the signal has ended
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for pid in self._running:  # not reaped yet, so the number is nobody else's
            os.kill(pid, number)

    def _reap(self) -> None:
        for pid, code in _ended():
            listener = self._running.pop(pid)
            self._on_end(pid)
            if self._stopping:
                self._code = self._code or int(code != 0)
            elif code > 0:  # it gave up, and so would another
                logger.error("worker %d exited with code %d; stopping", pid, code)
                self._code = 1
                self._stop(signal.SIGTERM)
            else:
                logger.warning("worker %d %s; starting another", pid, _describe(code))
                self._fork(listener, RESTART_DELAY)

    def _fork(self, listener: socket.socket, delay: float = 0.0) -> None:
        pid = os.fork()
        if pid:
            self._running[pid] = listener
        else:
            self._be_child(listener, delay)

    def _be_child(self, listener: socket.socket, delay: float) -> NoReturn:
        code = 1
        try:
            os.close(self._held)
            for other in self._listeners:
                if other is not listener:  # its port is closed when its owner closes it
                    other.close()
            time.sleep(delay)
            self._work(listener, self._lifeline)
            code = 0
        except Exception:
            logger.exception("this is a bug: a worker failed")
        finally:
            os._exit(code)  # never back into what the parent was doing


def _ended() -> Iterator[tuple[int, int]]:
    """Reap the children that have ended: their ids and exit codes (negative: the signal)."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _describe(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code else "ended"
