"""Running the page: a port of its own, and a prompt way to leave."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
LEAVE_SECONDS: Final = 1
"""For answers on their way; browsers keep a connection open for as long as they show the page."""
BACKLOG: Final = 2048  # uvicorn's own


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
                "or choose another with CHORUS_UI_PORT"
            ) from None
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise PortError(f"cannot listen on {host}, port {port}: {reason}") from None


class Server(uvicorn.Server):
    """uvicorn that ends with 0 on SIGTERM and SIGINT, open browsers or not."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=LEAVE_SECONDS,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replace uvicorn's handlers, which end the process by the signal instead of exit 0."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._leave)
        yield

    def _leave(self) -> None:
        self.should_exit = True
