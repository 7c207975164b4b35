"""POST /process: one text in, every classifier's answer out."""

import asyncio
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chorus_gateway import errors
from chorus_gateway.body import parse_json, read_body, require_json
from chorus_gateway.coalescer import Coalescer
from chorus_gateway.deadlines import terms_of, within
from chorus_gateway.express import Endpoint
from chorus_gateway.readiness import ENSEMBLE, WEIGHTS, Readiness
from chorus_gateway.routes.predict import TIMEOUT
from chorus_gateway.routes.raw import RawRoute
from chorus_gateway.upstream.v2 import Answer
from chorus_http.logs.access_log import note

T = TypeVar("T")

PATHS = ("/process", "/process/")

EXPECTED = 'the body must be a JSON string, for example "I love this"'
NOT_SERVED = "the ensemble process is not among the models served here; ask one over V2"


class PredictionBody(BaseModel):
    """One classifier's answer; for the documentation, no request builds it."""

    score: Annotated[float, Field(ge=0, le=1)]
    label: str


EXAMPLE: Answer = {
    "cardiffnlp": {"score": 0.8939549922943115, "label": "POSITIVE"},
    "ivanlau": {"score": 0.9941413402557373, "label": "English"},
    "svalabs": {"score": 0.9971115589141846, "label": "HAM"},
    "EIStakovskii": {"score": 0.9985558986663818, "label": "LABEL_0"},
    "jy46604790": {"score": 0.8707562685012817, "label": "LABEL_1"},
}

REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "description": "One text, as a JSON string. The empty string is a text too.",
    "content": {
        "application/json": {
            "schema": {"type": "string"},
            "examples": {
                "sentence": {"summary": "A sentence", "value": "I love this"},
                "empty": {"summary": "The empty string", "value": ""},
            },
        }
    },
}

ANSWER: dict[str, Any] = {
    "description": "Every classifier's answer, by name.",
    "content": {"application/json": {"example": EXAMPLE}},
    "headers": {
        "x-chorus-weights": {
            "description": "The weights that answered, where the model server says so.",
            "schema": {"type": "string", "enum": sorted(WEIGHTS)},
        }
    },
}


def endpoint(
    coalescer: Coalescer[Answer] | None,
    readiness: Readiness,
    max_body_bytes: int,
    max_timeout: float,
) -> Endpoint:
    """Build the endpoint; without a coalescer, the ensemble is not served."""

    async def answered(
        coalescer: Coalescer[Answer], request: Request, caller: str, deadline: float | None
    ) -> Answer:
        text = parse_text(await read_body(request, max_body_bytes))
        reply = coalescer.ask(text, caller, deadline)
        return await _unless_the_caller_leaves(request, coalescer, reply)

    async def process(request: Request) -> Response:
        """Classify one text with every model.

        All of it or an error: where one model fails on the text (502, naming it) or is too slow
        (504), the answers of the others are not given out without it.
        """
        if coalescer is None:
            raise errors.NotServed(NOT_SERVED)
        note(model=ENSEMBLE, items=1)
        caller, deadline = terms_of(request, max_timeout)
        coalescer.require_room(caller, deadline)  # a refusal must cost far less than an answer
        require_json(request.headers)
        answer = await within(deadline, answered(coalescer, request, caller, deadline))
        weights = await readiness.weights()
        headers = {"x-chorus-weights": weights} if weights else None
        return Response(orjson.dumps(answer), headers=headers, media_type="application/json")

    return process


def add_routes(app: FastAPI, process: Endpoint) -> None:
    """Add POST /process, with and without a slash at the end."""
    for path in PATHS:
        app.router.add_api_route(
            path,
            process,
            methods=["POST"],
            route_class_override=RawRoute,
            tags=["classify"],
            response_model=dict[str, PredictionBody],
            responses={200: ANSWER, **errors.documented(*MAY_RAISE)},
            openapi_extra={"parameters": [TIMEOUT], "requestBody": REQUEST_BODY},
            include_in_schema=path == PATHS[0],
        )


MAY_RAISE = (
    errors.NotServed,
    errors.BadInput,
    errors.BodyNotJson,
    errors.BodyTooLarge,
    errors.MediaTypeUnsupported,
    errors.BodyNotText,
    errors.InputRefused,
    errors.UpstreamFailed,
    errors.InputFailed,
    errors.UpstreamInvalid,
    errors.UpstreamRefused,
    errors.RateLimited,
    errors.TooManyAtOnce,
    errors.Overloaded,
    errors.Displaced,
    errors.OutOfReach,
    errors.Draining,
    errors.UpstreamUnavailable,
    errors.UpstreamBusy,
    errors.UpstreamTimeout,
    errors.DeadlinePassed,
)


def parse_text(body: bytes) -> str:
    """Read a JSON string. Raises BodyNotJson, BodyNotText."""
    text = parse_json(body, EXPECTED)
    if not isinstance(text, str):
        raise errors.BodyNotText(EXPECTED)
    return text


async def _unless_the_caller_leaves(
    request: Request, coalescer: Coalescer[T], reply: asyncio.Future[T]
) -> T:
    """Await the reply, or give it up when the caller disconnects. Raises ClientDisconnect."""
    watch = asyncio.ensure_future(_leave_on_disconnect(request, coalescer, reply))
    try:
        return await reply
    except asyncio.CancelledError:
        if watch.done():
            raise ClientDisconnect from None
        coalescer.leave(reply)  # its time is over
        raise
    finally:
        watch.cancel()


async def _leave_on_disconnect(
    request: Request, coalescer: Coalescer[T], reply: asyncio.Future[T]
) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    coalescer.leave(reply)
