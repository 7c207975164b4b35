"""MLServer's own REST metrics, without an end of series that callers could make up."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from starlette_exporter import PrometheusMiddleware

_METHODS: Final = ("GET", "POST")
"""Those of the protocol; the guard makes HEAD a GET."""


class CountKnownMethods(PrometheusMiddleware):  # type: ignore[misc] # it has no types
    """MLServer's middleware, which has a series for each method it is sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope["method"] not in _METHODS:
            await self.app(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


def count_known_methods(app: FastAPI) -> None:
    """Have it in the place of MLServer's."""
    for one in app.user_middleware:
        if one.cls is PrometheusMiddleware:
            one.cls = CountKnownMethods
