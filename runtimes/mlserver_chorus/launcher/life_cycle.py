"""The life of the server: load, serve, drain, leave."""

from __future__ import annotations

import asyncio
import logging
import signal
from asyncio import FIRST_COMPLETED
from contextlib import suppress
from typing import NoReturn

from mlserver import MLServer, ModelSettings
from mlserver.middleware import InferenceMiddlewares
from mlserver.settings import Settings

from chorus_http.access.keys import KeyRing
from chorus_http.traces.tracing import Tracing, TracingError, start

from ..engine.engine import close_engines, first_loss, first_problem
from ..engine.errors import DeviceLost, EngineError, LoadError
from ..guard.grpc_server import GuardedGRPCServer
from ..guard.health import Health
from ..guard.in_flight import InFlight
from ..guard.repository import GuardedRepository
from ..guard.rest_server import GuardedRESTServer, ListeningMetricsServer
from ..pipelines import lane as pipelines
from ..settings import RuntimeSettings
from .admission import Admission
from .leaving import leave
from .ports import Listeners
from .reading import first_line

logger = logging.getLogger("mlserver.chorus")

SERVICE = "chorus-runtime"

# For the last 503 to reach their callers, and for a running batch to end.
LAST_SECONDS = 0.5
# Between two looks at the device, and for whoever watches the server to see that it is not live.
LOOK_EVERY = 1.0
LOST_SECONDS = 5.0


class ChorusServer(MLServer):
    """MLServer with its own start, stop and guard."""

    _rest_server: GuardedRESTServer
    _grpc_server: GuardedGRPCServer
    _metrics_server: ListeningMetricsServer | None

    def __init__(
        self, settings: Settings, ours: RuntimeSettings, listeners: Listeners, keys: KeyRing
    ) -> None:
        self._ours = ours
        self._listeners = listeners
        self._admission = Admission.of(keys, ours, settings.host, settings.metrics_endpoint)
        self._stopping = asyncio.Event()
        self._in_flight = InFlight()
        self._tracing = _traces(settings.tracing_server)
        settings.tracing_server = None  # or MLServer adds spans with addresses and queries in them
        super().__init__(settings)
        # Without its CloudEvents, which copy the request's id into headers: any other id than
        # Latin letters would end the connection.
        self._data_plane._inference_middleware = InferenceMiddlewares()

    async def run(self, models: list[ModelSettings]) -> None:
        """Serve until a signal comes. Raises LoadError, OSError for a port, and DeviceLost."""
        if self._admission.exposed:
            logger.warning(
                "whoever reaches %s may ask the models: this server takes no keys; `chorus keys "
                "new` makes one, CHORUS_API_KEYS_FILE asks for it",
                self._settings.host,
            )
        self.health.expected = [settings.name for settings in models]
        serving = asyncio.create_task(self._serve())
        loading = asyncio.create_task(self._load(models))
        stopped = asyncio.create_task(self._stopping.wait())
        lost = asyncio.create_task(_until_lost())
        await asyncio.wait({serving, loading, stopped, lost}, return_when=FIRST_COMPLETED)
        if loading.done():
            loading.result()
            await asyncio.wait({serving, stopped, lost}, return_when=FIRST_COMPLETED)
        elif stopped.done():
            leave(0)  # a load cannot be interrupted, and nothing is in flight yet
        if lost.done():
            lost.result()
        if not serving.done():
            await self._drain(serving)
        await serving
        await self._close()

    async def _serve(self) -> None:
        """Serve on all ports until stopped; the metrics are there to the end."""
        metrics = (
            asyncio.create_task(self._metrics_server.start()) if self._metrics_server else None
        )
        await asyncio.gather(self._rest_server.start(), self._grpc_server.start())
        if self._metrics_server and metrics:
            await self._metrics_server.stop()
            await metrics

    async def _load(self, models: list[ModelSettings]) -> None:
        await asyncio.gather(*(self._load_one(settings) for settings in models))
        self.health.starting = False
        logger.info("%d models are ready", len(models))

    async def _load_one(self, settings: ModelSettings) -> None:
        try:
            await self._model_registry.load(settings)
        except EngineError:
            raise
        except Exception as error:
            raise LoadError(f"model {settings.name}: {first_line(error)}") from error

    async def _drain(self, serving: asyncio.Task[None]) -> None:
        """Answer everybody: who comes during the delay, then who is in flight, with 503 at last."""
        logger.info("stopping; the ports close in %g s", self._ours.drain_delay)
        await asyncio.sleep(self._ours.drain_delay)
        stopping = asyncio.gather(self._rest_server.stop(), self._grpc_server.stop())
        await asyncio.wait({serving}, timeout=self._ours.drain_timeout)
        if not serving.done():
            left = self._in_flight.give_up()
            logger.warning("after %g s, %d callers get 503", self._ours.drain_timeout, left)
            await asyncio.wait({serving}, timeout=LAST_SECONDS)
            self._rest_server.abort()
            await asyncio.wait({serving}, timeout=LAST_SECONDS)
        if not serving.done():
            leave(0)
        await stopping
        logger.info("all callers have their answers")

    async def _close(self) -> None:
        """Free the device, unless it hangs, and send the last traces."""
        closing = asyncio.to_thread(close_engines, LAST_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(closing, 2 * LAST_SECONDS)
        if self._tracing:
            self._tracing.close()

    def _configure_logger(self) -> None:
        """Leave it as it is: MLServer's own would repeat every line in another form."""

    def _create_servers(self) -> None:
        problems = (first_problem, pipelines.first_problem)
        self.health = Health(self._model_registry, problems)
        admission = self._admission
        repository = GuardedRepository(
            self._model_repository, self._model_registry, admission.repository_closed
        )
        self._model_repository_handlers = repository
        about = (self._settings, self._data_plane, repository)
        tracer = self._tracing.tracer if self._tracing else None
        self._rest_server = GuardedRESTServer(
            *about,
            self._ours,
            self.health,
            self._in_flight,
            self._listeners.rest,
            admission.rest,
            pages=not admission.exposed,
            tracer=tracer,
        )
        self._grpc_server = GuardedGRPCServer(
            *about,
            self.health,
            self._in_flight,
            self._ours.drain_delay,
            admission.grpc,
            tracer,
            self._ours.access_log,
        )
        if self._metrics_server:
            self._metrics_server = ListeningMetricsServer(
                self._settings,
                self._ours,
                self._listeners.metrics,
                admission.metrics,
                pages=not admission.exposed,
            )
        self._kafka_server = None

    def _add_signal_handlers(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        if self._stopping.is_set():
            leave(1, "a second signal: leaving what is in flight")
        self.health.draining = True
        self._stopping.set()


def _traces(server: str | None) -> Tracing | None:
    """The traces of this process, None where nobody wants them. Raises LoadError."""
    try:
        return start(SERVICE, server)
    except TracingError as error:
        raise LoadError(str(error)) from None


async def _until_lost() -> NoReturn:
    """Wait for what only a new process can heal. Raises DeviceLost."""
    while not (reason := first_loss()):  # noqa: ASYNC110 - a thread of no loop finds out
        await asyncio.sleep(LOOK_EVERY)
    await asyncio.sleep(LOST_SECONDS)
    raise DeviceLost(f"{reason}; it takes a new process to use it again")
