"""MLServer, started so that failures are seen: `python -m mlserver_chorus.server models`.

What stock MLServer gets wrong at the edges is put right here: a model that cannot be loaded ends
the start with one line and exit code 1, signals stop the server once, and every error body is
`{"error": …}` without the caller's input in it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import struct
import sys
from asyncio import FIRST_COMPLETED
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
import grpc
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mlserver import MLServer, ModelSettings
from mlserver.errors import MLServerError
from mlserver.grpc import server as grpc_server
from mlserver.grpc.dataplane_pb2 import ModelInferRequest
from mlserver.grpc.servicers import InferenceServicer
from mlserver.metrics import server as metrics_server
from mlserver.repository.load import load_model_settings
from mlserver.rest import RESTServer
from mlserver.rest import server as rest_server
from mlserver.settings import Settings
from mlserver.types import InferenceRequest
from starlette.exceptions import HTTPException

from .engine.engine import close_engines
from .engine.errors import LoadError
from .errors import InvalidRequest

logger = logging.getLogger("mlserver.chorus")

# Longer than the idle time of common proxies, so that they close first and no request is lost.
KEEP_ALIVE_SECONDS = 65


class ChorusServer(MLServer):
    """MLServer with its own signal handling, error bodies and start-up."""

    def __init__(self, settings: Settings) -> None:
        self._stopping = asyncio.Event()
        super().__init__(settings)

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
            await self.stop()
        await servers
        close_engines()

    async def _listen(self) -> None:
        servers = [self._rest_server.start(), self._grpc_server.start()]
        if self._metrics_server:
            servers.append(self._metrics_server.start())
        await asyncio.gather(*servers)

    async def _load(self, models: list[ModelSettings]) -> None:
        await asyncio.gather(*(self._model_registry.load(settings) for settings in models))
        logger.info("chorus: %d models are ready", len(models))

    def _create_servers(self) -> None:
        super()._create_servers()
        self._rest_server = _RESTServer(
            self._settings, self._data_plane, self._model_repository_handlers
        )
        _answer_errors_as_v2(self._rest_server._app)

    def _add_signal_handlers(self) -> None:
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sig, self._stopping.set)


class _RESTServer(RESTServer):
    def _get_config(self) -> uvicorn.Config:
        config: uvicorn.Config = super()._get_config()
        config.timeout_keep_alive = KEEP_ALIVE_SECONDS
        config.server_header = False
        return config


class _Servicer(InferenceServicer):
    """Refuses contents that cannot be decoded as the caller's fault, without Python's words."""

    def _InsertHeaders(  # noqa: N802
        self, request: ModelInferRequest, context: grpc.ServicerContext
    ) -> InferenceRequest:
        try:
            return super()._InsertHeaders(request, context)
        except (struct.error, ValueError, KeyError, IndexError, TypeError, OverflowError):
            raise InvalidRequest(
                "inputs", "the contents do not match the datatypes and shapes"
            ) from None


@contextmanager
def _leave_signals_alone(_: uvicorn.Server) -> Iterator[None]:
    yield


def _adopt() -> None:
    """Put our parts where MLServer builds its own from."""
    setattr(grpc_server, "InferenceServicer", _Servicer)  # noqa: B010
    for module in (rest_server, metrics_server):
        module._NoSignalServer.capture_signals = _leave_signals_alone
    logging.getLogger("mlserver").addFilter(_is_not_a_refusal)


def _is_not_a_refusal(record: logging.LogRecord) -> bool:
    """MLServer logs a traceback for each refused gRPC call; a caller's mistake is no news."""
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, MLServerError) and error.status_code < 500)


def _answer_errors_as_v2(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal)


async def _invalid(request: Request, error: Any) -> Response:
    """A RequestValidationError: where and what, never the input."""
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if media_type.lower() != "application/json":
        return JSONResponse({"error": "Content-Type must be application/json"}, status_code=415)
    first = error.errors()[0]
    path = [part for part in first["loc"] if part != "body"]
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    if first["type"] == "json_invalid":
        field, problem = "body", "is not valid JSON"
    else:
        problem = first["msg"]
    return JSONResponse({"error": f"{field or 'body'}: {problem}"}, status_code=400)


async def _http_error(_: Request, error: Any) -> Response:
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


async def _internal(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": "internal error"}, status_code=500)


def read_models(root: Path, names: list[str] | None) -> list[ModelSettings]:
    """The settings of the named models below a folder, all of them by default.

    Raises LoadError for a file that cannot be read (MLServer would skip it and start without the
    model) and for a name that no file has.
    """
    models: dict[str, ModelSettings] = {}
    for path in sorted(root.rglob("model-settings.json")):
        try:
            settings = load_model_settings(str(path))
        except Exception as error:
            detail = str(error).strip().splitlines()
            raise LoadError(f"{path} cannot be read: {detail[0] if detail else error}") from error
        if settings.name in models:
            raise LoadError(f"{path}: another model is called {settings.name} already")
        models[settings.name] = settings
    unknown = [name for name in names or () if name not in models]
    if unknown:
        raise LoadError(f"no model called {unknown[0]}; {root} holds {', '.join(models) or 'none'}")
    return list(models.values()) if names is None else [models[name] for name in names]


def read_settings(root: Path, **overrides: Any) -> Settings:
    """MLServer's settings from `settings.json` in the models' folder, some of them replaced."""
    path = root / "settings.json"
    settings = Settings(**json.loads(path.read_text()) if path.is_file() else {})
    settings.model_repository_root = str(root)
    # Anything else would give each worker its own engine and its own copy of the weights.
    settings.parallel_workers = 0
    for name, value in overrides.items():
        if value is not None:
            setattr(settings, name, value)
    return settings


def check_ports(settings: Settings) -> None:
    """Raises OSError for a port that is taken; MLServer would start without that server."""
    for port in (settings.http_port, settings.grpc_port, settings.metrics_port):
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
        await ChorusServer(settings).run(models)
    except (LoadError, ImportError, OSError) as error:
        # Left from inside the loop: ending it first would print a traceback per server.
        click.echo(f"chorus: {error}", err=True)
        _leave(1)


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
