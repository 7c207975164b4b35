"""What the routes of the tasks have in common: how a request becomes calls, and calls an answer."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from chorus_gateway import deadlines
from chorus_gateway.body import read_body
from chorus_gateway.gate import Gate
from chorus_gateway.generation import Step
from chorus_gateway.in_flight import InFlight
from chorus_gateway.prediction import Call, Predictor
from chorus_gateway.tasks.request import TaskRequest
from chorus_gateway.tasks.shapes import Shape, prepared, render
from chorus_gateway.upstream import sender
from chorus_gateway.upstream.deployed_url import DeployedUrls
from chorus_gateway.upstream.served import Model, Served
from chorus_gateway.upstream.target import Target
from chorus_gateway.upstream.upstreams import Upstreams
from chorus_http.logs.access_log import note

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """The parts that answer, built once."""

    gate: Gate
    predictor: Predictor
    upstreams: Upstreams
    served: Served
    urls: DeployedUrls
    in_flight: InFlight
    max_body_bytes: int

    async def body(self, request: Request) -> bytes:
        """Read the body. Raises BodyTooLarge, MediaTypeUnsupported."""
        return await read_body(request, self.max_body_bytes)

    async def json(self, request: Request) -> tuple[Any, int]:
        """Read a JSON body; its value and its size. Raises as `body` does, and BodyNotJson."""
        body = await self.body(request)
        return await self.predictor.parse_json(body), len(body)

    async def model(self, request: Request, name: str) -> Model:
        """Describe the model of that name. Raises as `Served.model` does."""
        model = await self.served.model(name)
        self.in_flight.found(model.target)
        note(model=model.name)
        return model

    async def result(
        self, request: Request, asked: TaskRequest, target: Target, size: int, shape: Shape
    ) -> Any:
        """Ask the model, and present what it answers."""
        asked = prepared(asked, shape)
        call = Call(asked, target, passed_on(request), size, deadlines.caller_of(request))
        with self.in_flight.of(target):
            results = await self.predictor.results(call)
        note(items=len(results))
        return render(asked, results, shape, request.headers.get("user-agent", ""))

    async def steps(self, call: Call) -> AsyncGenerator[Step, None]:
        """What the model generates, step by step."""
        with self.in_flight.of(call.target):
            async with aclosing(self.predictor.steps(call)) as steps:
                async for step in steps:
                    yield step


def passed_on(request: Request) -> dict[str, str]:
    """What goes on to the model server with a request: who asks, and the time that is left."""
    return sender.passed_on(request.headers) | deadlines.what_is_left(request)


def answer(content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Build an answer of 200. Numbers that JSON does not have become null."""
    return Response(orjson.dumps(content), headers=headers, media_type="application/json")


async def resume(first: T, rest: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Yield the first, which has been waited for, and then the rest."""
    yield first
    async for one in rest:
        yield one


def query_without(request: Request, *names: str) -> dict[str, str]:
    """The query string's parameters, but for those that are the route's own."""
    return {name: value for name, value in request.query_params.items() if name not in names}
