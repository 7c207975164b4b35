"""MLServer's HTTP servers on sockets that are theirs already, REST behind the guard."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from mlserver.handlers import DataPlane, ModelRepositoryHandlers
from mlserver.metrics import MetricsServer
from mlserver.rest import RESTServer
from mlserver.settings import Settings
from opentelemetry.trace import Tracer
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chorus_http.connections.connection import Limits, limited
from chorus_http.logs.access_log import OTHER, AccessLog
from chorus_http.logs.request_ids import RequestIds
from chorus_http.traces.requests import TraceRequests
from chorus_http.v2_paths import is_probe, template_of

from ..settings import RuntimeSettings
from .answers import answer_errors_as_v2
from .doors import Doors, KeyedApp
from .health import Health
from .in_flight import InFlight
from .infer_route import InferRoute
from .pages import leave_out
from .rest import Guard
from .rest_metrics import count_known_methods

# Longer than the idle time of common proxies, so that they close first and no request is lost.
KEEP_ALIVE_SECONDS = 65
# Of every answer: nothing is of another type than it says, nor kept by a cache.
HEADERS = [("x-content-type-options", "nosniff"), ("cache-control", "no-store")]
# uvicorn closes idle connections once; those that were just being accepted come after that.
STRAGGLE_SECONDS = 0.5


class Uvicorn(uvicorn.Server):
    """Leaves signals to the launcher."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def close_idle(self) -> None:
        """Close every connection once it has no request under way."""
        for connection in list(self.server_state.connections):
            connection.shutdown()

    def abort(self) -> None:
        """Cut every connection that is still open."""
        for connection in list(self.server_state.connections):
            transport: Any = connection.transport  # uvloop's are no asyncio.Transport
            transport.abort()


class GuardedRESTServer(RESTServer):
    """MLServer's REST server behind the guard."""

    def __init__(
        self,
        settings: Settings,
        data_plane: DataPlane,
        repository: ModelRepositoryHandlers,
        ours: RuntimeSettings,
        health: Health,
        in_flight: InFlight,
        listener: socket.socket,
        doors: Doors | None = None,
        *,
        pages: bool = True,
        tracer: Tracer | None = None,
    ) -> None:
        super().__init__(settings, data_plane, repository)
        self._tracer = tracer
        answer_errors_as_v2(self._app)
        count_known_methods(self._app)
        if not pages:
            leave_out(self._app)
        infer = InferRoute(self._app, data_plane, settings)
        self._guard = Guard(self._app, infer, ours, health, in_flight, doors)
        self._ours = ours
        self._listener = listener
        self._stopped = asyncio.Event()

    async def start(self) -> None:
        """Serve until stopped."""
        self._uvicorn = Uvicorn(self._get_config())
        try:
            await self._uvicorn.serve([self._listener])
        finally:
            self._stopped.set()

    async def stop(self, sig: int | None = None) -> None:
        """Stop listening, and return once every connection has had its answer."""
        self._uvicorn.should_exit = True
        while not self._stopped.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), STRAGGLE_SECONDS)
            self._uvicorn.close_idle()

    def abort(self) -> None:
        """Cut those who do not take their answers."""
        self._uvicorn.abort()

    def _get_config(self) -> uvicorn.Config:
        config: uvicorn.Config = super()._get_config()  # type: ignore[no-untyped-call]
        app = _traced(self._guard, self._tracer) if self._tracer else self._guard
        logged = AccessLog(app, _route_of, lambda path: not is_probe(path))
        config.app = RequestIds(logged if self._ours.access_log else app)
        config.http = _connection(self._ours)
        config.timeout_keep_alive = KEEP_ALIVE_SECONDS
        config.server_header = False
        config.headers = HEADERS
        return config


class ListeningMetricsServer(MetricsServer):
    """MLServer's metrics server on a socket that is its own already."""

    def __init__(
        self,
        settings: Settings,
        ours: RuntimeSettings,
        listener: socket.socket,
        doors: Doors | None = None,
        *,
        pages: bool = True,
    ) -> None:
        super().__init__(settings)
        answer_errors_as_v2(self._app)
        if not pages:
            leave_out(self._app)
        self._ours = ours
        self._listener = listener
        self._doors = doors

    async def start(self) -> None:
        """Serve until stopped."""
        self._uvicorn = Uvicorn(self._get_config())
        await self._uvicorn.serve([self._listener])

    async def stop(self, sig: int | None = None) -> None:
        """Stop listening and cut whoever is still reading."""
        self._uvicorn.should_exit = True
        self._uvicorn.abort()

    def _get_config(self) -> uvicorn.Config:
        config: uvicorn.Config = super()._get_config()  # type: ignore[no-untyped-call]
        config.app = KeyedApp(self._app, self._doors) if self._doors else self._app
        config.http = _connection(self._ours)
        config.server_header = False
        config.headers = HEADERS
        return config


def _traced(app: ASGIApp, tracer: Tracer) -> ASGIApp:
    """Put a span around each request, but those of probes."""
    return TraceRequests(
        app, tracer, lambda scope: template_of(scope["path"]), lambda path: not is_probe(path)
    )


def _route_of(scope: Scope) -> str:
    return template_of(scope["path"]) or OTHER


def _connection(ours: RuntimeSettings) -> type[HttpToolsProtocol]:
    return limited(Limits(ours.max_head_bytes, ours.head_timeout, ours.body_timeout))
