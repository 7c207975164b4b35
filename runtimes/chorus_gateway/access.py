"""Which of the gateway's paths take a key, and what that key must be for."""

import re
from typing import Any, Final

from fastapi import Security
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from chorus_gateway.errors import ErrorBody, error_response
from chorus_http.access.callers import Scope as KeyScope
from chorus_http.access.rules import Access, Rules
from chorus_http.errors import Refused

# Whatever is not in here, the documentation among it, takes a key of `admin`.
RULES: Final = Rules(
    probes=frozenset({"/healthz", "/readyz"}),
    scopes=(
        (re.compile(r"/|/(process|predict)/?|/classify"), KeyScope.INFER),
        (re.compile(r"/models(/[^/]+(/health|/info|/v1/(chat/)?completions)?)?"), KeyScope.INFER),
        (re.compile(r"/metrics"), KeyScope.METRICS),
    ),
)


# What FastAPI is told of them; no route is run by it.
DOCUMENTATION: Final[dict[str, Any]] = {
    "dependencies": [Security(HTTPBearer(auto_error=False))],
    "responses": {
        401: {"model": ErrorBody, "description": "No key, or one that is not known."},
        403: {"model": ErrorBody, "description": "The key is not for that."},
    },
}


class RequireKeys:
    """Lets in who may ask for that, before anything else looks at the request."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            try:
                self._access.admit(scope)
            except Refused as error:
                answer = error_response(error.status, str(error), error.headers)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
