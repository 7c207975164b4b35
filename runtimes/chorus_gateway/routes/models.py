"""POST /models/{name}: a model served here, as Hugging Face's own client libraries call it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

import orjson
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from chorus_gateway import deadlines, errors, sse
from chorus_gateway.errors import BadInput, BodyNotJson, ErrorBody, MediaTypeUnsupported
from chorus_gateway.generation import Ending, Step
from chorus_gateway.prediction import Call
from chorus_gateway.routes import examples
from chorus_gateway.routes.desk import Desk, answer, passed_on, resume
from chorus_gateway.routes.events import EventStream
from chorus_gateway.routes.predict import MAY_RAISE, TIMEOUT
from chorus_gateway.routes.raw import RawRoute
from chorus_gateway.tasks.request import TaskRequest, parse, parse_raw
from chorus_gateway.tasks.shapes import Shape
from chorus_gateway.tasks.task import Task
from chorus_gateway.upstream import deployed_url
from chorus_gateway.upstream.served import Model

JSON: Final = "application/json"
# What a body is called by clients that do not care; one of these is looked at.
UNDECLARED: Final = frozenset({"", "application/x-www-form-urlencoded"})
RAW: Final = ("image/", "audio/", "text/plain", "application/octet-stream")

NAME: Final[dict[str, Any]] = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "A model served here; POST to any other name lists them.",
    "schema": {"type": "string", "pattern": f"^{deployed_url.NAME.pattern}$"},
    "example": "cardiffnlp",
}

DOCUMENTATION: Final[dict[str, Any]] = {
    "parameters": [NAME, TIMEOUT],
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {}, "examples": examples.MODELS},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
            "text/plain": {"schema": {"type": "string"}},
        },
    },
}


ASKING_MAY_RAISE: Final = (
    errors.BadInput,
    errors.UnknownModel,
    errors.AmbiguousModel,
    errors.UpstreamFailed,
    errors.UpstreamInvalid,
    errors.UpstreamRefused,
    errors.UpstreamUnreachable,
    errors.UpstreamUnavailable,
    errors.UpstreamLoading,
    errors.UpstreamTimeout,
)


class HealthBody(BaseModel):
    """Body of /models/{name}/health."""

    name: str
    ready: bool


def add_routes(app: FastAPI, desk: Desk, max_requests: int) -> None:
    """Add the routes of one model: to ask it, and to ask about it."""

    async def infer(request: Request) -> Response:
        """Run the model's task on one input or a list of them."""
        async with AsyncExitStack() as place:
            place.enter_context(desk.gate.inside(request))
            model = await desk.model(request, request.path_params["name"])
            body = await desk.body(request)
            task = model.require_task()
            asked = await read(desk, request, task, body)
            if asked.stream:
                caller = deadlines.caller_of(request)
                call = Call(asked, model.target, passed_on(request), len(body), caller)
                return await _streamed(desk, request, call, model, place)
            work = desk.result(request, asked, model.target, len(body), Shape.CLIENT)
            content = await desk.gate.answer(request, work)
            if task.answer.sound and not asked.listed:
                sound = task.answer.file(content, task.answer.sound)
                return Response(sound, headers=model.headers, media_type="audio/wav")
            return answer(content, model.headers)

    async def health(request: Request) -> Response:
        """Say whether the model is ready."""
        model = await desk.model(request, request.path_params["name"])
        ready = await desk.upstreams.ready(model.target)
        body = orjson.dumps({"name": model.name, "ready": ready})
        return Response(body, 200 if ready else 503, media_type=JSON)

    async def info(request: Request) -> Response:
        """Describe the model."""
        model = await desk.model(request, request.path_params["name"])
        return answer(_described(model, app.version, max_requests))

    about = {"parameters": [NAME]}
    add = app.router.add_api_route
    options: dict[str, Any] = {"route_class_override": RawRoute, "tags": ["models"]}
    known = errors.documented(*ASKING_MAY_RAISE)
    not_ready = {"model": HealthBody | ErrorBody, "description": "It is not ready."}
    add(
        "/models/{name}",
        infer,
        methods=["POST"],
        responses={200: examples.CLASSIFIED, **errors.documented(*MAY_RAISE)},
        openapi_extra=DOCUMENTATION,
        **options,
    )
    for path in ("/models/{name}", "/models/{name}/health"):
        add(
            path,
            health,
            methods=["GET"],
            response_model=HealthBody,
            responses={**known, 503: not_ready},
            openapi_extra=about,
            **options,
        )
    add(
        "/models/{name}/info",
        info,
        methods=["GET"],
        responses=known,
        openapi_extra=about,
        **options,
    )


async def read(desk: Desk, request: Request, task: Task, body: bytes) -> TaskRequest:
    """Read a body by what it is declared to be, or by its first character where that says nothing.

    Raises BadInput, BodyNotJson, MediaTypeUnsupported.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    query = dict(request.query_params)
    if declared == JSON:
        return parse(task, await desk.predictor.parse_json(body), query)
    if declared in UNDECLARED and not body:
        raise BadInput("the body is empty; send an input as it is, or as JSON")
    if declared not in UNDECLARED and not declared.startswith(RAW):
        raise MediaTypeUnsupported(f"send {JSON}, or an image, audio or text as it is")
    if declared in UNDECLARED and body[:1] in (b"{", b"[", b'"'):
        try:
            return parse(task, await desk.predictor.parse_json(body), query)
        except BodyNotJson:
            pass  # a text may begin so, too
    return parse_raw(task, body, query)


async def _streamed(
    desk: Desk, request: Request, call: Call, model: Model, place: AsyncExitStack
) -> Response:
    steps = desk.gate.guard(request, desk.steps(call))
    place.push_async_callback(steps.aclose)
    first = await desk.gate.answer(request, anext(steps))
    events = _events(resume(first, steps), call.request.parameters)
    return EventStream(events, place.pop_all(), model.headers)


async def _events(
    steps: AsyncGenerator[Step, None], parameters: Mapping[str, Any]
) -> AsyncGenerator[bytes, None]:
    """Write the events that text-generation-inference would."""
    index = 0
    async with aclosing(steps):
        async for step in steps:
            token = {"id": step.id, "text": step.text, "logprob": None, "special": step.special}
            ending = step.ending
            yield sse.write(
                {
                    "index": index,
                    "token": token,
                    "generated_text": ending.text if ending else None,
                    "details": _details(ending, parameters) if ending else None,
                }
            )
            index += 1


def _details(ending: Ending, parameters: Mapping[str, Any]) -> dict[str, Any]:
    reason = ending.reason
    if reason == "stop":
        stops = parameters.get("stop", ())
        reason = "stop_sequence" if any(stop in ending.text for stop in stops) else "eos_token"
    return {
        "finish_reason": reason,
        "generated_tokens": ending.tokens,
        "input_length": ending.prompt_tokens,
        "seed": parameters.get("seed"),
    }


def _described(model: Model, version: str, max_requests: int) -> dict[str, Any]:
    """What `get_endpoint_info` of Hugging Face's client returns, and what else is known."""
    stated = model.parameters
    return {
        "model_id": stated.get("checkpoint", model.name),
        "model_sha": stated.get("revision"),
        "model_pipeline_tag": model.task,
        "max_concurrent_requests": max_requests,
        "max_input_length": stated.get("max_tokens"),
        "weights": stated.get("weights"),
        "labels": stated.get("labels"),
        "version": version,
        "sha": None,
        "docker_label": None,
    }
