"""Plain ASGI around MLServer's REST application: what every request passes, whatever it asks.

A request is within its limits before anybody parses it, an answer has the protocol's one form
whoever gives it, and what is worked on for a caller ends when the caller leaves.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

from mlserver.errors import MLServerError
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chorus_http.connections import body, json_limits
from chorus_http.connections.leaving import while_the_caller_stays
from chorus_http.errors import Refused, UnknownType
from chorus_http.logs.access_log import note

from ..settings import RuntimeSettings
from . import binary
from .answers import error_answer, words_of
from .doors import Doors
from .health import Health
from .health_route import health_answer
from .in_flight import InFlight
from .infer_route import InferRoute
from .received import KEY, Received, again, as_plain_json, headers_of
from .retry import retry_after

logger = logging.getLogger("mlserver.chorus")

_INFERENCE: Final = re.compile(
    r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?"
    r"/(?P<verb>infer|generate|infer_stream|generate_stream)"
)
_INDEX: Final = "/v2/repository/index"  # NVIDIA's client sends it no body
_RETRIED: Final = (429, 503)


class Guard:
    """What uvicorn calls; `app` is MLServer's application, `infer` our own way to inference."""

    def __init__(
        self,
        app: ASGIApp,
        infer: InferRoute,
        settings: RuntimeSettings,
        health: Health,
        in_flight: InFlight,
        doors: Doors | None = None,
    ) -> None:
        self._app = app
        self._infer = infer
        self._settings = settings
        self._health = health
        self._in_flight = in_flight
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; whatever goes wrong is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, self._health)
        try:
            with self._in_flight.answering():
                await self._admit(scope, receive, answer)
        except ClientDisconnect:
            return
        except Refused as error:
            await answer.error(scope, receive, error.status, str(error), headers=error.headers)
        except MLServerError as error:
            await answer.error(scope, receive, error.status_code, words_of(error))
        except Exception as error:
            logger.exception("a request failed in an unexpected way")
            await answer.error(scope, receive, 500, "internal error", error)

    async def _admit(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self._doors is None:
            await self._serve(scope, receive, answer.send)
            return
        caller = self._doors.admit(scope)
        with self._doors.held(caller if scope["method"] == "POST" else None) as answer.fields:
            await self._serve(scope, receive, answer.send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await self._post(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the connection keeps the body back
        answer = None
        if scope["method"] == "GET":
            answer = await health_answer(scope["path"], self._health)
        await (answer or self._app)(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _INFERENCE.fullmatch(scope["path"])
        if asked is None:
            usual = self._settings.max_request_bytes
            received = await self._receive(scope, receive, headers_of(scope), usual)
            await self._pass_on(received, scope, receive, send)
            return
        name, version = asked["name"], asked["version"]
        await self._health.require(name, version)
        note(model=name)
        headers = headers_of(scope)
        limit = await self._infer.accept(name, version, headers) or self._settings.max_request_bytes
        received = await self._receive(scope, receive, headers, limit)
        with while_the_caller_stays(scope):
            if asked["verb"] == "infer" and self._infer.serves:
                scope["path_params"] = {"name": name, "version": version}
                scope[KEY] = received
                await self._infer(scope, receive, send)
            else:
                await self._pass_on(received, scope, receive, send)

    async def _pass_on(
        self, received: Received, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if received.raw is not None:
            raise binary.not_served()
        await self._app(as_plain_json(scope, received), again(received, receive), send)

    async def _receive(
        self, scope: Scope, receive: Receive, headers: dict[str, str], limit: int
    ) -> Received:
        length = headers.get(binary.HEADER)
        _check_type(headers.get("content-type"), length is not None)
        content = await body.read(headers, receive, limit)
        raw = None
        if length is not None:
            content, raw = binary.split(content, length)
        elif not content and scope["path"] == _INDEX:
            content = b"{}"
        json_limits.check(content, self._settings.max_json_depth)
        return Received(headers, content, raw)


def _check_type(declared: str | None, is_binary: bool) -> None:
    """Take JSON under any of its names, or no name at all. Raises UnknownType."""
    if declared is None:
        return
    media_type = declared.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return
    if not (is_binary and media_type == binary.MEDIA_TYPE):
        raise UnknownType("Content-Type must be application/json")


class _Answer:
    """One answer on its way, with the headers that the server's state calls for."""

    def __init__(self, send: Send, health: Health) -> None:
        self._send = send
        self._health = health
        self._started = self._ended = False
        self.fields: Mapping[str, str] = {}
        """What is said besides, of the caller's rate."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            if self._health.draining or self.fields or message["status"] in _RETRIED:
                message = self._dressed(message)
        elif not message.get("more_body", False):
            self._ended = True
        await self._send(message)

    def _dressed(self, message: Message) -> Message:
        headers = MutableHeaders(raw=list(message["headers"]))
        headers.update(self.fields)
        if message["status"] in _RETRIED:
            headers.setdefault("retry-after", retry_after())
        if self._health.draining:
            headers["connection"] = "close"  # let nobody open a further request here
        return {**message, "headers": headers.raw}

    async def error(
        self,
        scope: Scope,
        receive: Receive,
        status: int,
        words: str,
        cause: Exception | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if self._ended:
            return
        if self._started:
            raise RuntimeError("an answer ends half-way") from cause  # uvicorn then hangs up
        await error_answer(status, words, headers)(scope, receive, self.send)
