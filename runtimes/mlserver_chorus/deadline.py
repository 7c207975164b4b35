"""Until when a caller wants its answer, and who it is, as far as a request says."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from time import monotonic
from typing import Any, Final

from mlserver.types import InferenceRequest

from chorus_http.access import callers
from chorus_http.connections import timeouts

from .errors import InvalidRequest

TRANSPORT_DEADLINE: ContextVar[float | None] = ContextVar("transport_deadline", default=None)
"""The deadline that the transport itself knows of, on the clock of `time.monotonic`."""
CALLER: ContextVar[callers.Caller | None] = ContextVar("caller", default=None)
"""Whose key the request has shown; None where none is asked for."""

_MICROSECONDS: Final = 1_000_000


def deadline_of(request: InferenceRequest, longest: float) -> float | None:
    """When the answer is worth nothing any more, by `time.monotonic`; None where nobody says.

    The earliest of the parameter `timeout` (microseconds), the headers and the transport's own
    deadline, and at most `longest` seconds from now. Raises InvalidRequest.
    """
    seconds = [s for s in (_of_parameter(request, longest), _of_headers(request)) if s is not None]
    now = monotonic()
    deadlines = [now + s for s in seconds]
    if (transport := TRANSPORT_DEADLINE.get()) is not None:
        deadlines.append(transport)
    return min(*deadlines, now + longest) if deadlines else None


def key_of_request(request: InferenceRequest) -> str:
    """Whose request it is: see `key_of`."""
    return key_of(_headers(request))


def key_of(headers: Mapping[str, str]) -> str:
    """Whose a request with these headers is, for taking turns.

    The name of its key; where none is asked for, a digest of the credentials, empty without any.
    """
    caller = CALLER.get()
    return caller.name if caller else callers.key_of(headers)


def _of_parameter(request: InferenceRequest, longest: float) -> float | None:
    given = (request.parameters.model_extra if request.parameters else None) or {}
    if "timeout" not in given:
        return None
    timeout: Any = given["timeout"]
    if isinstance(timeout, bool) or not isinstance(timeout, int) or timeout < 1:
        raise InvalidRequest("parameters.timeout", "must be whole microseconds, at least 1")
    return min(timeout, int(longest * _MICROSECONDS)) / _MICROSECONDS


def _of_headers(request: InferenceRequest) -> float | None:
    try:
        return timeouts.requested(_headers(request))
    except timeouts.BadTimeout as error:
        field, _, problem = str(error).partition(": ")
        raise InvalidRequest(f"headers.{field}", problem) from None


def _headers(request: InferenceRequest) -> dict[str, Any]:
    return (request.parameters.headers if request.parameters else None) or {}
