"""Running the gateway: a port of its own, and a polite way to leave."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

from chorus_gateway.readiness import Readiness
from chorus_gateway.settings import Settings
from chorus_http.connections.connection import Limits, limited

KEEP_ALIVE_SECONDS: Final = 65  # above the 60 s after which most proxies drop an idle connection
BACKLOG: Final = 2048  # uvicorn's own
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class PortError(Exception):
    """The address cannot be listened on."""


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything is built. Raises PortError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(
                f"port {port} is taken on {host}; stop whatever listens there, "
                "or choose another with CHORUS_PORT"
            ) from None
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise PortError(f"cannot listen on {host}, port {port}: {reason}") from None


class DrainingServer(uvicorn.Server):
    """uvicorn that on SIGTERM turns unready, then stops listening, then answers who is in flight.

    SIGINT skips the first step. A second signal of either kind ends the process at once.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=limited(Limits()),
                loop="uvloop",
                ws="none",
                access_log=False,
                proxy_headers=False,  # nobody asks for the address of a caller
                log_config=None,
                server_header=False,
                headers=[("x-content-type-options", "nosniff")],
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                # everybody has been answered by then; a slow reader may hold on a while
                timeout_graceful_shutdown=int(settings.drain_timeout) + 2,
            )
        )
        self._settings = settings
        self._readiness: Readiness = app.state.readiness
        self._close: Callable[[], None] = app.state.close

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replace uvicorn's handlers, which end the process by the signal instead of exit 0."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain, self._settings.drain_delay)
        loop.add_signal_handler(signal.SIGINT, self._drain, 0.0)
        yield

    def _drain(self, delay: float) -> None:
        self._let_a_second_signal_kill()
        self._readiness.draining = True
        asyncio.get_running_loop().call_later(delay, self._stop)

    def _let_a_second_signal_kill(self) -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.should_exit = True
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.drain_timeout, self._close)
