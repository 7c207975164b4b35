"""A gateway of several processes. Each coalesces for itself; the port and the metrics are one.

Every worker has a listener of its own on the same port (SO_REUSEPORT), so that the kernel spreads
connections evenly; on a shared one, whoever wakes first accepts a whole burst and keeps it for as
long as its connections live. The parent holds all of them: what is queued for a worker that dies
waits for the one after it.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead

from chorus_gateway import traces
from chorus_gateway.app import create_app
from chorus_gateway.metrics import Metrics
from chorus_gateway.prefork import AWAITED, Prefork
from chorus_gateway.server import BACKLOG, DrainingServer
from chorus_gateway.settings import Settings


class Worker(DrainingServer):
    """The server of one process of several; it drains at once when its parent dies."""

    def __init__(self, app: FastAPI, settings: Settings, lifeline: int) -> None:
        super().__init__(app, settings)
        self._lifeline = lifeline
        self._metrics: Metrics = app.state.metrics

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that were kept back since the fork, and watch the parent."""
        with super().capture_signals():
            asyncio.get_running_loop().add_reader(self._lifeline, self._outlive_parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
            yield

    async def on_tick(self, counter: int) -> bool:
        """Tell the worker that will be asked how much waits here; uvicorn calls this often."""
        self._metrics.refresh()
        return await super().on_tick(counter)

    def _let_a_second_signal_kill(self) -> None:
        """Do not: Ctrl-C and service managers signal the whole group, and the parent repeats it."""

    def _outlive_parent(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline)
        self._drain(0.0)  # whoever is started in the parent's place needs the port


def run(settings: Settings, listener: socket.socket) -> int:
    """Serve with `settings.workers` processes until told to stop; the exit code."""

    def serve(own: socket.socket, lifeline: int) -> None:
        # After the fork, which the thread that sends them would not outlive.
        app = create_app(settings, tracing=traces.set_up())
        Worker(app, settings, lifeline).run([own])

    listeners = beside(listener, settings.workers)
    return Prefork(listeners, serve, on_end=mark_process_dead).run()


def beside(listener: socket.socket, count: int) -> list[socket.socket]:
    """Make it `count` listeners on the same address, this one included."""
    # Only now that the port is taken: a second gateway, which asks without it, is still refused.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    address, family = listener.getsockname(), listener.family
    return [listener] + [
        socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=True)
        for _ in range(count - 1)
    ]
