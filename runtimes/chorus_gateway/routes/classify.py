"""GET and POST /classify: one sentence, one classifier, the pipeline's own answer."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from chorus_gateway import errors
from chorus_gateway.errors import BadInput, NotServed, UnknownModel
from chorus_gateway.routes import examples
from chorus_gateway.routes.desk import Desk, answer, query_without
from chorus_gateway.routes.predict import MAY_RAISE, TIMEOUT
from chorus_gateway.routes.raw import RawRoute
from chorus_gateway.tasks.request import parse
from chorus_gateway.tasks.shapes import Shape
from chorus_gateway.upstream.served import Model

TASK: Final = "text-classification"
OWN: Final = ("sentence", "model")  # what is not a parameter of the task

QUERY: Final[list[dict[str, Any]]] = [
    {
        "name": "sentence",
        "in": "query",
        "description": "The text. POST may send it as the body, a JSON string, instead.",
        "schema": {"type": "string"},
        "example": "I love this",
    },
    {
        "name": "model",
        "in": "query",
        "description": "A classifier served here; the first one unless given.",
        "schema": {"type": "string"},
        "example": "cardiffnlp",
    },
    {"name": "top_k", "in": "query", "schema": {"type": "integer", "minimum": 1}},
    TIMEOUT,
]


def add_routes(app: FastAPI, desk: Desk, models: Sequence[str]) -> None:
    """Add both methods; the first classifier among `models` answers whoever names none."""

    async def classify(request: Request) -> Response:
        """Classify one sentence."""
        with desk.gate.inside(request):
            body = await desk.body(request)
            return await desk.gate.answer(request, _classify(desk, request, body, models))

    for method in ("GET", "POST"):
        app.router.add_api_route(
            "/classify",
            classify,
            methods=[method],
            route_class_override=RawRoute,
            tags=["tasks"],
            responses={200: examples.SENTENCE, **errors.documented(NotServed, *MAY_RAISE)},
            openapi_extra={"parameters": QUERY},
            operation_id=f"classify_{method.lower()}",
        )


async def _classify(desk: Desk, request: Request, body: bytes, models: Sequence[str]) -> Response:
    sentence = request.query_params.get("sentence")
    if sentence is None:
        sentence = await desk.predictor.parse_json(body) if body else None
    if not isinstance(sentence, str):
        raise BadInput("sentence: a text is needed, as in /classify?sentence=I+love+this")
    name = request.query_params.get("model")
    model = await (desk.model(request, name) if name else _first(desk, request, models))
    task = model.require_task()
    if task.name != TASK:
        raise BadInput(f"model: {model.name} is for {task.name}; ask it at /models/{model.name}")
    asked = parse(task, sentence, query_without(request, *OWN))
    size = len(sentence)
    return answer(
        await desk.result(request, asked, model.target, size, Shape.ENDPOINT), model.headers
    )


async def _first(desk: Desk, request: Request, models: Sequence[str]) -> Model:
    """Find a classifier. Raises NotServed."""
    for name in models:
        try:
            model = await desk.model(request, name)
        except UnknownModel:
            continue
        if model.task == TASK:
            return model
    raise NotServed("no classifier is served here")
