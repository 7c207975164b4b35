"""What stands between the network and MLServer's handlers, over REST and gRPC alike.

Every error body is `{"error": …}` without the caller's input, a path or another library's words;
what MLServer would answer with UNKNOWN or not at all gets its proper status.
"""

from __future__ import annotations

import logging
import struct
from typing import Any

import grpc
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mlserver.errors import MLServerError
from mlserver.grpc.dataplane_pb2 import ModelInferRequest
from mlserver.grpc.servicers import InferenceServicer
from mlserver.grpc.utils import handle_mlserver_error
from mlserver.handlers import ModelRepositoryHandlers
from mlserver.types import InferenceRequest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import InvalidRequest
from .tensors import MAX_DIMENSIONS
from .v2 import OPTIONS

logger = logging.getLogger("mlserver.chorus")

JSON = (b"content-type", b"application/json")
CLOSE = (b"connection", b"close")


class Guard:
    """Plain ASGI around MLServer's REST application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.draining = False
        """While true, every answer tells its caller to open no further request here."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, as JSON where it does not say what it is."""
        if scope["type"] == "http" and not any(name == JSON[0] for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], JSON]}
        await self._app(scope, receive, self._closing(send) if self.draining else send)

    def _closing(self, send: Send) -> Send:
        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], CLOSE]}
            await send(message)

        return send_and_close


class GuardedServicer(InferenceServicer):
    """Refuses contents that cannot be decoded as the caller's fault, without Python's words."""

    ModelReady = handle_mlserver_error(InferenceServicer.ModelReady)

    draining = False
    """While true, new calls are refused as UNAVAILABLE: clients send them elsewhere."""

    def _InsertHeaders(  # noqa: N802
        self, request: ModelInferRequest, context: grpc.ServicerContext
    ) -> InferenceRequest:
        if self.draining:
            raise MLServerError("the server is shutting down", 503)
        for index, tensor in enumerate(request.inputs):
            # MLServer multiplies them all, which takes minutes where there are thousands.
            if len(tensor.shape) > MAX_DIMENSIONS:
                raise InvalidRequest(f"inputs[{index}].shape", f"more than {MAX_DIMENSIONS}")
        for name in OPTIONS:
            # MLServer drops a number that is not whole, and nothing at all is a valid choice too.
            if name in request.parameters and not request.parameters[name].ListFields():
                raise InvalidRequest(f"parameters.{name}", "of a type that is not understood")
        raw = len(request.raw_input_contents)
        if raw and raw != len(request.inputs):
            raise InvalidRequest("inputs", "not as many as raw_input_contents")
        try:
            return super()._InsertHeaders(request, context)
        except (struct.error, ValueError, KeyError, IndexError, TypeError, OverflowError):
            raise InvalidRequest(
                "inputs", "the contents do not match the datatypes and shapes"
            ) from None


class GuardedRepository(ModelRepositoryHandlers):
    """Says that a model cannot be loaded; why, with its path, is for the log."""

    async def load(self, name: str) -> bool:
        """Load or reload a model. Raises MLServerError."""
        try:
            return bool(await super().load(name))
        except MLServerError:
            raise
        except Exception as error:
            logger.error("model %s cannot be loaded: %s", name, error)
            raise MLServerError(f"model {name} cannot be loaded; the log says why", 500) from error


def is_no_refusal(record: logging.LogRecord) -> bool:
    """A filter: MLServer logs a traceback for each refused call, and a refusal is no news."""
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, MLServerError) and error.status_code != 500)


def answer_errors_as_v2(app: FastAPI) -> None:
    """Give an application the one shape of error bodies that the protocol knows."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal)


async def _invalid(request: Request, error: Any) -> Response:
    """A RequestValidationError: where and what, never the input."""
    media_type = request.headers["content-type"].partition(";")[0].strip()
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
