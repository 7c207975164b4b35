"""MLServer, started so that failures are seen: `python -m mlserver_chorus.server models`.

A model that cannot be loaded ends the start with one line and exit code 1 (stock MLServer exits 0,
or runs on without it), and a signal stops the server once, after the work in flight.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from asyncio import FIRST_COMPLETED
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
import uvicorn
import uvloop
from mlserver import MLServer, ModelSettings
from mlserver.grpc import server as grpc_server
from mlserver.metrics import server as metrics_server
from mlserver.middleware import InferenceMiddlewares
from mlserver.repository.load import load_model_settings
from mlserver.rest import RESTServer
from mlserver.rest import app as rest_app
from mlserver.rest import server as rest_server
from mlserver.settings import Settings
from pydantic import ValidationError

from .engine.engine import close_engines
from .engine.errors import EngineError, LoadError
from .guard.answers import answer_errors_as_v2
from .guard.grpc import GuardedServicer, is_no_refusal
from .guard.infer_route import InferRoute
from .guard.repository import GuardedRepository
from .guard.rest import Guard
from .guard.stream_route import StreamEndpoints
from .settings import RuntimeSettings

logger = logging.getLogger("mlserver.chorus")

# Longer than the idle time of common proxies, so that they close first and no request is lost.
KEEP_ALIVE_SECONDS = 65
# Some round trips, in which gRPC clients learn that this server takes no more calls.
GRPC_QUIET_SECONDS = 0.2


class ChorusServer(MLServer):
    """MLServer with its own start, stop and guard."""

    _rest_server: GuardedRESTServer

    def __init__(self, settings: Settings, drain_delay: float) -> None:
        self._stopping = asyncio.Event()
        self._drain_delay = drain_delay
        super().__init__(settings)
        # Without its CloudEvents, which copy the request's id into headers: any other id than
        # Latin letters would end the connection.
        self._data_plane._inference_middleware = InferenceMiddlewares()

    async def run(self, models: list[ModelSettings]) -> None:
        """Serve until a signal comes. Raises LoadError when a model cannot be loaded."""
        servers = asyncio.create_task(self._listen())
        loading = asyncio.create_task(self._load(models))
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({servers, loading, stopped}, return_when=FIRST_COMPLETED)
        if loading.done():
            loading.result()
            await asyncio.wait({servers, stopped}, return_when=FIRST_COMPLETED)
        elif stopped.done():
            _leave(0)  # a load cannot be interrupted, and nothing is in flight yet
        if not servers.done():
            await self._drain()
            await self.stop()
        await servers
        close_engines()

    async def _listen(self) -> None:
        servers = [self._rest_server.start(), self._grpc_server.start()]
        if self._metrics_server:
            servers.append(self._metrics_server.start())
        await asyncio.gather(*servers)

    async def _load(self, models: list[ModelSettings]) -> None:
        await asyncio.gather(*(self._load_one(settings) for settings in models))
        logger.info("%d models are ready", len(models))

    async def _load_one(self, settings: ModelSettings) -> None:
        try:
            await self._model_registry.load(settings)
        except EngineError:
            raise
        except Exception as error:
            raise LoadError(f"model {settings.name}: {_first_line(error)}") from error

    async def _drain(self) -> None:
        """Keep answering for a moment, telling every caller to go elsewhere: none is cut off."""
        self._rest_server.guard.draining = True
        await asyncio.sleep(self._drain_delay)
        # gRPC cancels a call that it has read and not begun when it stops: let none be on its way.
        servicer: Any = self._grpc_server._inference_servicer
        servicer.draining = True
        await asyncio.sleep(GRPC_QUIET_SECONDS)

    def _create_servers(self) -> None:
        self._model_repository_handlers = GuardedRepository(
            self._model_repository, self._model_registry
        )
        super()._create_servers()
        self._rest_server = GuardedRESTServer(
            self._settings, self._data_plane, self._model_repository_handlers
        )

    def _add_signal_handlers(self) -> None:
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sig, self._stopping.set)


class GuardedRESTServer(RESTServer):
    """MLServer's REST server behind the guard."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        answer_errors_as_v2(self._app)
        handlers = self._app.exception_handlers
        self.guard = Guard(InferRoute(self._app, self._data_plane, self._settings, handlers))

    def _get_config(self) -> uvicorn.Config:
        config: uvicorn.Config = super()._get_config()
        config.app = self.guard
        config.timeout_keep_alive = KEEP_ALIVE_SECONDS
        config.server_header = False
        return config


@contextmanager
def _leave_signals_alone(_: uvicorn.Server) -> Iterator[None]:
    yield


def _adopt() -> None:
    """Put our parts where MLServer builds its own from."""
    setattr(grpc_server, "InferenceServicer", GuardedServicer)  # noqa: B010
    setattr(rest_app, "Endpoints", StreamEndpoints)  # noqa: B010
    for module in (rest_server, metrics_server):
        module._NoSignalServer.capture_signals = _leave_signals_alone
    for name in ("mlserver", "mlserver.grpc"):
        logging.getLogger(name).addFilter(is_no_refusal)


def read_models(root: Path, names: list[str] | None) -> list[ModelSettings]:
    """The settings of the named models below a folder, all of them by default.

    Raises LoadError for a file that cannot be read (MLServer would skip it and start without the
    model), for a name that no file has, and where there is no model at all.
    """
    models: dict[str, ModelSettings] = {}
    for path in sorted(root.rglob("model-settings.json")):
        try:
            settings = load_model_settings(str(path))
        except Exception as error:
            raise LoadError(f"{path} cannot be read: {_first_line(error)}") from error
        if settings.name in models:
            raise LoadError(f"{path}: another model is called {settings.name} already")
        models[settings.name] = settings
    if not models:
        raise LoadError(f"there is no model-settings.json below {root}")
    unknown = [name for name in names or () if name not in models]
    if unknown:
        raise LoadError(f"no model is called {unknown[0]}; {root} holds {', '.join(models)}")
    return list(models.values()) if names is None else [models[name] for name in names]


def read_settings(root: Path, **overrides: Any) -> Settings:
    """MLServer's settings from `settings.json` in the models' folder, some of them replaced.

    Raises LoadError when the file cannot be read.
    """
    path = root / "settings.json"
    try:
        settings = Settings(**json.loads(path.read_text()) if path.is_file() else {})
    except Exception as error:
        raise LoadError(f"{path} cannot be read: {_first_line(error)}") from error
    settings.model_repository_root = str(root)
    # Anything else would give each worker its own engine and its own copy of the weights.
    settings.parallel_workers = 0
    for name, value in overrides.items():
        if value is not None:
            setattr(settings, name, value)
    return settings


def check_ports(settings: Settings) -> None:
    """Raises OSError for a port that is taken; MLServer would start without that server."""
    ports = (settings.http_port, settings.grpc_port, settings.metrics_port)
    for index, port in enumerate(ports):
        if not 1 <= port <= 65535:
            raise OSError(f"port {port} is not between 1 and 65535")
        if port in ports[:index]:
            raise OSError(f"port {port} is given to two servers")
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError as error:
                raise OSError(f"port {port} on {settings.host}: {error.strerror}") from None


async def _main(root: Path, names: list[str] | None, overrides: dict[str, Any]) -> None:
    try:
        models = read_models(root, names)
        settings = read_settings(root, **overrides)
        check_ports(settings)
        sys.path.insert(0, str(root))
        await ChorusServer(settings, RuntimeSettings().drain_delay).run(models)
    except Exception as error:
        if not isinstance(error, LoadError | OSError):
            logger.exception("the server ended in an unexpected way")
        # Left from inside the loop: ending it first would print a traceback per server.
        click.echo(f"chorus: {_first_line(error)}", err=True)
        _leave(1)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _leave(code: int) -> NoReturn:
    """Exit without waiting for threads that still load."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


@click.command()
@click.argument("root", metavar="MODELS", type=click.Path(exists=True, file_okay=False))
@click.option("--host", help="Address to listen on.  [settings.json]")
@click.option("--http-port", type=int, help="V2 REST.  [settings.json]")
@click.option("--grpc-port", type=int, help="V2 gRPC.  [settings.json]")
@click.option("--metrics-port", type=int, help="Prometheus metrics.  [settings.json]")
@click.option("--models", help="Names to load, comma-separated.  [all in MODELS]")
def main(root: str, models: str | None, **overrides: Any) -> None:
    """Serve the model settings below the folder MODELS over V2.

    Example: python -m mlserver_chorus.server models --models cardiffnlp --http-port 8080
    """
    names = [name.strip() for name in models.split(",")] if models else None
    _adopt()
    uvloop.run(_main(Path(root).absolute(), names, overrides))


if __name__ == "__main__":
    main()
