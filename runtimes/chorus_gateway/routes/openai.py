"""POST /models/{name}/v1/…: text generation as OpenAI's clients call it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from chorus_gateway import errors, sse
from chorus_gateway.express import Endpoint
from chorus_gateway.openai.answers import CHAT, COMPLETION, Answer, Style
from chorus_gateway.openai.choices import Piece, grow, merge
from chorus_gateway.openai.request import Completion, read_chat, read_completion
from chorus_gateway.prediction import Call
from chorus_gateway.routes import examples
from chorus_gateway.routes.desk import Desk, answer, passed_on, resume
from chorus_gateway.routes.events import EventStream
from chorus_gateway.routes.models import NAME
from chorus_gateway.routes.predict import MAY_RAISE, TIMEOUT
from chorus_gateway.routes.raw import RawRoute
from chorus_gateway.tasks.task import Task
from chorus_gateway.upstream.served import Model
from chorus_http.logs.access_log import note

Read = Callable[[Task, object], Completion]

ROUTES: Final[tuple[tuple[str, Read, Style, dict[str, Any]], ...]] = (
    ("completions", read_completion, COMPLETION, examples.COMPLETIONS),
    ("chat/completions", read_chat, CHAT, examples.CHATS),
)


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Add both kinds of completions."""
    for path, read, style, shown in ROUTES:
        app.router.add_api_route(
            f"/models/{{name}}/v1/{path}",
            _endpoint(desk, read, style, app.version),
            methods=["POST"],
            summary=f"OpenAI's {path}, streamed if `stream` is true",
            name=path,
            route_class_override=RawRoute,
            tags=["models"],
            responses={200: examples.COMPLETED, **errors.documented(*MAY_RAISE)},
            openapi_extra={
                "parameters": [NAME, TIMEOUT],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"type": "object"}, "examples": shown}
                    },
                },
            },
        )


def _endpoint(desk: Desk, read: Read, style: Style, version: str) -> Endpoint:
    async def complete(request: Request) -> Response:
        """Continue a text or a conversation."""
        async with AsyncExitStack() as place:
            place.enter_context(desk.gate.inside(request))
            model = await desk.model(request, request.path_params["name"])
            body, size = await desk.json(request)
            asked = read(model.require_task(), body)
            note(items=len(asked.choices))
            pieces = desk.gate.guard(request, merge(_choices(desk, request, model, asked, size)))
            place.push_async_callback(pieces.aclose)
            written = Answer(style, model.name, version, asked.n)
            if not asked.stream:
                whole = await desk.gate.answer(request, _all(pieces))
                return answer(written.whole(whole), model.headers)
            first = await desk.gate.answer(request, anext(pieces))
            events = _events(resume(first, pieces), written, asked.include_usage)
            return EventStream(events, place.pop_all(), model.headers)

    return complete


def _choices(
    desk: Desk, request: Request, model: Model, asked: Completion, size: int
) -> list[AsyncGenerator[Piece, None]]:
    call = partial(Call, target=model.target, headers=passed_on(request), size=size)
    return [
        grow(index, desk.steps(call(one)), echo, asked.stop)
        for index, (one, echo) in enumerate(zip(asked.choices, asked.echoed, strict=True))
    ]


async def _all(pieces: AsyncGenerator[Piece, None]) -> list[Piece]:
    async with aclosing(pieces):
        return [piece async for piece in pieces]


async def _events(
    pieces: AsyncGenerator[Piece, None], written: Answer, include_usage: bool
) -> AsyncGenerator[bytes, None]:
    ends = []
    async with aclosing(pieces):
        async for piece in pieces:
            yield sse.write(written.chunk(piece))
            if piece.ending:
                ends.append(piece)
    if include_usage:
        yield sse.write(written.last_chunk(ends))
    yield sse.DONE
