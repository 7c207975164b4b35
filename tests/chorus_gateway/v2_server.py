"""A V2 server behind a real socket, which tests tell what to answer, and what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

Answer = Callable[[dict[str, Any]], web.StreamResponse]


def output(*elements: Any) -> web.Response:
    """The answer of a Pipeline: one JSON value per input."""
    tensor = {
        "name": "output",
        "datatype": "BYTES",
        "shape": [len(elements), 1],
        "parameters": {"content_type": "hg_jsonlist"},
        "data": [json.dumps(element) for element in elements],
    }
    return web.json_response({"model_name": "m", "outputs": [tensor]})


def error(status: int, message: str, **headers: str) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)


def event(text: str, ending: dict[str, Any] | None = None, number: int = 1) -> bytes:
    """One token in a stream; `ending` has generated_text and details."""
    token = {"id": number, "text": text, "special": False}
    content = {"token": token, "generated_text": None, "details": None, **(ending or {})}
    tensor = {"name": "output", "datatype": "BYTES", "shape": [1, 1], "data": [json.dumps(content)]}
    return b"data: " + json.dumps({"model_name": "m", "outputs": [tensor]}).encode() + b"\n\n"


def ending(text: str, tokens: int = 2, reason: str = "length") -> dict[str, Any]:
    details = {"finish_reason": reason, "generated_tokens": tokens, "prompt_tokens": 3}
    return {"generated_text": text, "details": details}


def generated(*texts: str, reason: str = "length") -> list[bytes]:
    """A whole stream."""
    *first, last = texts
    end = ending("".join(texts), len(texts), reason)
    return [*map(event, first), event(last, end)]


class V2Server:
    """Serves the models of `tasks` (name → task, None where metadata has none)."""

    def __init__(self, **tasks: str | None) -> None:
        self.tasks = tasks
        self.states = dict.fromkeys(tasks, "READY")
        self.outputs: tuple[str, ...] = ("output", "label", "score")
        self.parameters: dict[str, Any] = {}
        """What metadata state beside the task and the weights."""
        self.lists = True
        """Whether it has the index of Triton and MLServer."""
        self.speaks = asyncio.Event()  # while it is clear, it is asked for its index in vain
        self.speaks.set()
        self.answer: Answer = lambda _: output([{"label": "POSITIVE", "score": 0.5}])
        self.events: list[bytes | asyncio.Event] = []
        self.pause = 0.0
        """Seconds from one event to the next."""
        self.refusal: Callable[[], web.StreamResponse] | None = None
        """What a stream is answered instead of events."""
        self.url = ""
        self.port = 0
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.keys: set[str | None] = set()
        """What requests of all kinds had as Authorization."""
        self.gate = asyncio.Event()  # while it is clear, no inference is answered
        self.gate.set()
        self.left = asyncio.Event()
        """Set when the caller of a stream has gone."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[V2Server]:
        app = web.Application(client_max_size=1 << 26, middlewares=[self._note_key])
        app.router.add_post("/v2/models/{name}/infer", self._infer)
        app.router.add_post("/v2/models/{name}/versions/{version}/infer", self._infer)
        app.router.add_post("/v2/models/{name}/generate_stream", self._stream)
        app.router.add_get("/v2/models/{name}/ready", self._ready)
        app.router.add_get("/v2/models/{name}", self._metadata)
        app.router.add_post("/v2/repository/index", self._index)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _infer(self, request: web.Request) -> web.StreamResponse:
        body = await self._note(request)
        if request.match_info["name"] not in self.tasks:
            return error(404, "Model not found")
        await self.gate.wait()
        return self.answer(body)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        if self.refusal:
            return self.refusal()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            for one in self.events:
                if isinstance(one, asyncio.Event):
                    await one.wait()
                else:
                    await response.write(one)
                    await asyncio.sleep(self.pause)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        return response

    async def _ready(self, request: web.Request) -> web.Response:
        state = self.states.get(request.match_info["name"])
        return web.Response(status=200 if state == "READY" else 400)

    async def _metadata(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append(name)
        if name not in self.tasks:
            return error(404, "Model not found")
        task = self.tasks[name]
        parameters = {"weights": "standin", **({"task": task} if task else {}), **self.parameters}
        outputs = [{"name": n} for n in self.outputs]
        return web.json_response({"name": name, "outputs": outputs, "parameters": parameters})

    async def _index(self, request: web.Request) -> web.Response:
        self.asked.append("index")
        await self.speaks.wait()
        if not self.lists:
            return error(404, "Not Found")
        return web.json_response([{"name": n, "state": s} for n, s in self.states.items()])

    @web.middleware
    async def _note_key(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.keys.add(request.headers.get("authorization"))
        return await handler(request)

    async def _note(self, request: web.Request) -> dict[str, Any]:
        body = await request.json()
        self.calls.append((request.path, body))
        self.headers.append(dict(request.headers))
        assert isinstance(body, dict)
        return body
