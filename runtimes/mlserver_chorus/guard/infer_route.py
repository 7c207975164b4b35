"""The REST route for inference, without the framework's layers around it.

MLServer's own route stays in place behind it: same handlers, same bodies, same metrics. Under load
from 64 callers of small models, the layers took more than half of the event loop's time.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from mlserver.errors import MLServerError
from mlserver.handlers import DataPlane
from mlserver.rest.errors import handle_mlserver_error
from mlserver.rest.responses import Response
from mlserver.settings import Settings
from mlserver.types import InferenceRequest
from mlserver.utils import extract_headers, insert_headers
from pydantic import ValidationError
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response as AnyResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette_exporter import PrometheusMiddleware

logger = logging.getLogger("mlserver.chorus")

_PATH = re.compile(r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")
# What MLServer's route is called in its metrics, with and without a version.
_TEMPLATES = (
    "/v2/models/{model_name}/infer",
    "/v2/models/{model_name}/versions/{model_version}/infer",
)


class InferRoute:
    """Plain ASGI: takes what it can answer exactly as MLServer would, and passes on the rest.

    `handlers` are the application's own, by type of error.
    """

    def __init__(
        self, app: ASGIApp, data_plane: DataPlane, settings: Settings, handlers: Mapping[Any, Any]
    ) -> None:
        self._app = app
        self._data_plane = data_plane
        self._handlers = handlers
        self._zipped = GZipMiddleware(self._serve) if settings.gzip_enabled else self._serve
        # Whoever asks for one of these gets MLServer's own layers.
        self._off = bool(
            settings.debug
            or settings.cors_settings
            or settings.tracing_server
            or settings.root_path
        )
        self._metrics = (
            PrometheusMiddleware(
                app, app_name="mlserver", prefix=settings.metrics_rest_server_prefix
            )
            if settings.metrics_endpoint
            else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] != "POST" or self._off:
            await self._app(scope, receive, send)
            return
        match = _PATH.fullmatch(scope["path"])
        headers = Request(scope).headers
        if match is None or not _is_plain_json(headers):
            await self._app(scope, receive, send)
            return
        scope["path_params"] = match.groupdict()
        zipped = "gzip" in headers.get("accept-encoding", "")
        await (self._zipped if zipped else self._serve)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        started = time.perf_counter()
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)
        self._count(request, response.status_code, time.perf_counter() - started)

    async def _answer(self, request: Request) -> AnyResponse:
        try:
            return await self._infer(request)
        except MLServerError as error:
            return await handle_mlserver_error(request, error)
        except RequestValidationError as error:
            refused: AnyResponse = await self._handlers[RequestValidationError](request, error)
            return refused
        except ClientDisconnect:
            raise
        except Exception as error:
            logger.exception("a request failed in an unexpected way")
            failed: AnyResponse = await self._handlers[Exception](request, error)
            return failed

    async def _infer(self, request: Request) -> AnyResponse:
        payload = _parse(await request.body())
        insert_headers(payload, dict(request.headers))
        answer = await self._data_plane.infer(
            payload, request.path_params["name"], request.path_params["version"]
        )
        headers = extract_headers(answer)
        content = answer.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return Response(content, headers=headers)

    def _count(self, request: Request, status: int, seconds: float) -> None:
        if self._metrics is not None:
            path = _TEMPLATES[request.path_params["version"] is not None]
            labels = ("POST", path, status, "mlserver")
            self._metrics.request_count.labels(*labels).inc()
            self._metrics.request_time.labels(*labels).observe(seconds)


def _is_plain_json(headers: Mapping[str, str]) -> bool:
    return (
        headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        and "content-encoding" not in headers
        and "inference-header-content-length" not in headers
    )


def _parse(body: bytes) -> InferenceRequest:
    """The request in a body. Raises RequestValidationError, as FastAPI would."""
    if not body:
        missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
        raise RequestValidationError([missing])
    try:
        # As FastAPI does, down to the words for what is no object at all.
        return InferenceRequest.model_validate(orjson.loads(body), from_attributes=True)
    except orjson.JSONDecodeError as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body",), "msg": error.msg, "input": {}}]
        ) from None
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
