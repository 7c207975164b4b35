"""The REST routes that say whether the server lives and is ready; MLServer's have empty bodies."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from .health import Health

_MODEL: Final = re.compile(r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?/ready")


async def health_answer(path: str, health: Health) -> Response | None:
    """The answer on one of these paths, None on any other. Raises ModelNotFound."""
    if path == "/v2/health/live":
        return _said({}, "live", health.not_live())
    if path == "/v2/health/ready":
        return _said({}, "ready", await health.not_ready())
    if match := _MODEL.fullmatch(path):
        problem = await health.model_not_ready(match["name"], match["version"])
        return _said({"name": match["name"]}, "ready", problem)
    return None


def _said(about: dict[str, Any], word: str, problem: str | None) -> Response:
    if problem is None:
        return JSONResponse({**about, word: True})
    return JSONResponse({**about, word: False, "error": problem}, status_code=503)
