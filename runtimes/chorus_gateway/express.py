"""The main job's requests go to their endpoint directly, past the framework's layers.

The layers are for routes, dependencies and files; the main job has none of these, and they took a
fifth or more of the gateway's CPU for each text.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chorus_gateway.errors import HANDLERS

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


class ExpressApp(FastAPI):
    """A FastAPI application with some POST paths that are served before it looks at them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.express: dict[str, ASGIApp] = {}
        self.entrance: ASGIApp = self.dispatch
        """What every request passes first, whichever way it takes then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await self.entrance(scope, receive, send)

    async def dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection that has come in."""
        post = scope["type"] == "http" and scope["method"] == "POST"
        direct = self.express.get(scope["path"]) if post else None
        await (direct or super().__call__)(scope, receive, send)


class Express:
    """One endpoint as plain ASGI, with the gateway's own answers to errors."""

    def __init__(self, endpoint: Endpoint, path: str) -> None:
        self._endpoint = endpoint
        self.path = path
        """The template by which the metrics name the route."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["route"] = self
        request = Request(scope, receive)
        try:
            response = await self._endpoint(request)
        except Exception as error:
            response = await _answer_to(error, request)
        await response(scope, receive, send)


async def _answer_to(error: Exception, request: Request) -> Response:
    known = next(kind for kind in type(error).__mro__ if kind in HANDLERS)
    if known is Exception:
        logger.error("a request failed in an unexpected way", exc_info=error)
    response: Response = await HANDLERS[known](request, error)
    return response
