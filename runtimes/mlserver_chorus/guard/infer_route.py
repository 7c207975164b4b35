"""The REST route for inference, without the framework's layers around it.

MLServer's own route stays in place behind it: same handlers, same bodies, same metrics. Under load
from 64 callers of small models, the layers took more than half of the event loop's time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from mlserver.errors import MLServerError
from mlserver.handlers import DataPlane
from mlserver.rest.responses import Response
from mlserver.settings import Settings
from mlserver.types import InferenceRequest
from mlserver.utils import extract_headers, insert_headers
from prometheus_client import Counter, Histogram
from pydantic import ValidationError
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response as AnyResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette_exporter import PrometheusMiddleware

from . import binary
from .answers import error_answer, validation_answer, words_of
from .received import KEY, Received

logger = logging.getLogger("mlserver.chorus")

# What MLServer's route is called in its metrics, with and without a version.
_TEMPLATES: Final = (
    "/v2/models/{model_name}/infer",
    "/v2/models/{model_name}/versions/{model_version}/infer",
)


class InferRoute:
    """Plain ASGI: answers what the guard has received, exactly as MLServer's own route would.

    `app` is MLServer's application, whose metrics these are too.
    """

    def __init__(self, app: ASGIApp, data_plane: DataPlane, settings: Settings) -> None:
        self._data_plane = data_plane
        self._zipped = GZipMiddleware(self._serve) if settings.gzip_enabled else self._serve
        # Whoever asks for one of these gets MLServer's own layers.
        self.serves = not (settings.debug or settings.cors_settings or settings.root_path)
        """Whether it may be called at all."""
        self._metrics = (
            PrometheusMiddleware(
                app, app_name="mlserver", prefix=settings.metrics_rest_server_prefix
            )
            if settings.metrics_endpoint
            else None
        )
        # By status, and whether a version was named: to look one up costs more than to count.
        self._series: dict[tuple[int, bool], tuple[Counter, Histogram]] = {}

    async def accept(
        self, name: str, version: str | None, headers: Mapping[str, str]
    ) -> int | None:
        """Let the model refuse a request before it is read; else the bytes of body that it takes.

        None is as many as usual. Raises ModelNotFound, and MLServerError for a refusal.
        """
        model: Any = await self._data_plane._model_registry.get_model(name, version)
        if refuse := getattr(model, "refuse_early", None):
            refuse(headers)
        return getattr(model, "max_request_bytes", None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its path parameters and what was received are in the scope."""
        zipped = "gzip" in scope[KEY].headers.get("accept-encoding", "")
        await (self._zipped if zipped else self._serve)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        response = await self._answer(scope[KEY], scope["path_params"])
        await response(scope, receive, send)
        self._count(scope, response.status_code, time.perf_counter() - started)

    async def _answer(self, received: Received, path: dict[str, Any]) -> AnyResponse:
        try:
            return await self._infer(received, path["name"], path["version"])
        except MLServerError as error:
            return error_answer(error.status_code, words_of(error))
        except RequestValidationError as error:
            return validation_answer(error)
        except Exception:
            logger.exception("a request failed in an unexpected way")
            return error_answer(500, "internal error")

    async def _infer(self, received: Received, name: str, version: str | None) -> AnyResponse:
        request = _parse(received)
        wants = binary.wanted(request)
        insert_headers(request, received.headers)
        answer = await self._data_plane.infer(request, name, version)
        headers = extract_headers(answer)
        if wants is None:
            content = answer.model_dump(mode="json", exclude_unset=True, exclude_none=True)
            return Response(content, headers=headers)
        body, length = binary.encode(answer, wants)
        headers = {**(headers or {}), binary.HEADER: str(length)}
        return AnyResponse(body, headers=headers, media_type=binary.MEDIA_TYPE)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        if self._metrics is None:
            return
        kind = status, scope["path_params"]["version"] is not None
        if kind not in self._series:
            labels = ("POST", _TEMPLATES[kind[1]], status, "mlserver")
            counter = self._metrics.request_count.labels(*labels)
            self._series[kind] = counter, self._metrics.request_time.labels(*labels)
        requests, times = self._series[kind]
        requests.inc()
        times.observe(seconds)


def _parse(received: Received) -> InferenceRequest:
    """The request in a body. Raises RequestValidationError, as FastAPI would."""
    if not received.body:
        missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
        raise RequestValidationError([missing])
    try:
        said = orjson.loads(received.body)
        if received.raw is not None:
            binary.fill(said, received.raw)
        # As FastAPI does, down to the words for what is no object at all.
        return InferenceRequest.model_validate(said, from_attributes=True)
    except orjson.JSONDecodeError as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body",), "msg": error.msg, "input": {}}]
        ) from None
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
