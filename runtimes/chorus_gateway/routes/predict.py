"""POST /predict: any task in Hugging Face's format, on any V2 model server that is allowed."""

from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from chorus_gateway import errors
from chorus_gateway.errors import BadInput
from chorus_gateway.routes import examples
from chorus_gateway.routes.desk import Desk, answer, query_without
from chorus_gateway.routes.raw import RawRoute
from chorus_gateway.tasks.request import parse
from chorus_gateway.tasks.shapes import Shape
from chorus_gateway.tasks.table import find

PATHS: Final = ("/predict", "/predict/")
SHAPES: Final = {shape.value: shape for shape in Shape}

MAY_RAISE: Final = (
    errors.BadInput,
    errors.BodyNotJson,
    errors.UnknownTask,
    errors.UrlNotAllowed,
    errors.UnknownModel,
    errors.AmbiguousModel,
    errors.BodyTooLarge,
    errors.MediaTypeUnsupported,
    errors.UpstreamFailed,
    errors.UpstreamInvalid,
    errors.UpstreamRefused,
    errors.UpstreamUnreachable,
    errors.FetchFailed,
    errors.FetchTimeout,
    errors.Busy,
    errors.Draining,
    errors.UpstreamUnavailable,
    errors.UpstreamBusy,
    errors.UpstreamLoading,
    errors.UpstreamTimeout,
    errors.DeadlinePassed,
    errors.RateLimited,
    errors.TooManyAtOnce,
)

TIMEOUT: Final[dict[str, Any]] = {
    "name": "x-request-timeout",
    "in": "header",
    "description": "Seconds that the caller waits; then the answer is 504 and the work is dropped.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}

DOCUMENTATION: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "shape",
            "in": "query",
            "description": "`batch`: one element per input. `hf`: as Hugging Face's endpoints. "
            "`client`: as their client libraries.",
            "schema": {"type": "string", "enum": list(SHAPES), "default": Shape.BATCH.value},
        },
        TIMEOUT,
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["hf_pipeline", "model_deployed_url", "inputs"],
                    "properties": {
                        "hf_pipeline": {"type": "string", "description": "The task."},
                        "model_deployed_url": {
                            "type": "string",
                            "description": "A model's V2 URL, its name, or NAMESPACE/SERVICE of a "
                            "server in the cluster.",
                        },
                        "inputs": {"description": "One input, or a list of them."},
                        "parameters": {"type": "object"},
                    },
                },
                "examples": examples.PREDICT,
            }
        },
    },
}


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Add POST /predict, with and without a slash at the end."""

    async def predict(request: Request) -> Response:
        """Run a task on a model, wherever it is deployed."""
        with desk.gate.inside(request):
            body, size = await desk.json(request)
            return await desk.gate.answer(request, _predict(desk, request, body, size))

    for path in PATHS:
        app.router.add_api_route(
            path,
            predict,
            methods=["POST"],
            route_class_override=RawRoute,
            tags=["tasks"],
            responses={200: examples.PREDICTED, **errors.documented(*MAY_RAISE)},
            openapi_extra=DOCUMENTATION,
            include_in_schema=path == PATHS[0],
        )


async def _predict(desk: Desk, request: Request, body: Any, size: int) -> Response:
    shape = _shape(request.query_params.get("shape", Shape.BATCH))
    if not isinstance(body, dict):
        raise BadInput("the body must be an object with hf_pipeline, model_deployed_url and inputs")
    task = find(_text(body, "hf_pipeline"))
    target = desk.urls.resolve(_text(body, "model_deployed_url"))
    asked = parse(task, body, query_without(request, "shape"))
    if asked.stream:
        raise BadInput("stream: /predict answers at once; POST /models/NAME streams")
    target = await desk.upstreams.resolve(target)
    headers = None
    if target.origin is None and target.model:
        model = await desk.model(request, target.model)
        if model.task and model.require_task().name != task.name:
            raise BadInput(f"hf_pipeline: the task of {model.name} is {model.task}")
        headers = model.headers
    return answer(await desk.result(request, asked, target, size, shape), headers)


def _shape(text: str) -> Shape:
    if text not in SHAPES:
        raise BadInput(f"shape: it must be one of {', '.join(SHAPES)}")
    return SHAPES[text]


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name}: a string is needed")
    return value
