"""What the gateway adds to its requests' traces: their waiting, and its calls to model servers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Scope

from chorus_gateway.errors import GatewayError, UpstreamError, UpstreamRefused
from chorus_http.traces.context import CURRENT, TEXTS
from chorus_http.traces.requests import TraceRequests
from chorus_http.traces.tracing import Tracing, TracingError, start
from chorus_http.v2_paths import template_of

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from chorus_http.traces.spans import OpenSpan

logger = logging.getLogger("chorus_gateway")

_OFF: Final = nullcontext(None)

SERVICE: Final = "chorus-gateway"
INFER: Final = "/v2/models/{model_name}/infer"
STATUS: Final = "http.response.status_code"
UNTRACED: Final = frozenset({"/healthz", "/readyz", "/metrics"})  # asked for every few seconds


def set_up() -> Tracing | None:
    """Set up the traces of this process, None where nobody wants them; or end it, saying why."""
    try:
        return start(SERVICE)
    except TracingError as error:
        logger.critical("%s", error)
        sys.exit(1)


def around(app: ASGIApp, tracer: Tracer) -> ASGIApp:
    """Put a span around each request, but those of probes."""
    return TraceRequests(app, tracer, _route, lambda path: path not in UNTRACED)


def _route(scope: Scope) -> str | None:
    return getattr(scope.get("route"), "path", None)


def waited(caller: OpenSpan, arrived: float) -> None:
    """Note that a caller's text has waited since then, and is in a call now."""
    caller.child("queue", began=arrived).end()


def coalesced(callers: Sequence[OpenSpan], texts: int) -> AbstractContextManager[None]:
    """Make one call in here with texts of all of these callers, perhaps of others too.

    It is part of the trace of the first whose trace is kept, so that it is seen if any of them is;
    of several, the call and each of them point to each other.
    """
    return _coalesced(callers, texts) if callers else _OFF


@contextmanager
def _coalesced(callers: Sequence[OpenSpan], texts: int) -> Iterator[None]:
    parent = next((caller for caller in callers if caller.sampled), callers[0])
    several = callers if len(callers) > 1 else ()
    call = parent.call("POST", INFER, links=several)
    for caller in several:
        caller.point_to(call)
    call.note({TEXTS: texts})
    with _ending(call), _current(call):
        yield
        call.note({STATUS: 200})


@contextmanager
def asked(path: str) -> Iterator[None]:
    """Ask one of our own servers about itself in here, for the request at hand if there is one."""
    with called("GET", path) as call, _current(call) if call else nullcontext():
        yield


@contextmanager
def called(method: str, path: str) -> Iterator[OpenSpan | None]:
    """Make a call in here for the request at hand; its span, None where it has none itself."""
    caller = CURRENT.get()
    if caller is None:
        yield None
        return
    call = caller.call(method, template_of(path) or "other")
    with _ending(call):
        yield call


def answered(call: OpenSpan, status: int) -> None:
    """Note how a call was answered."""
    call.note({STATUS: status})
    if status >= 400:
        call.failed(str(status))


@contextmanager
def _current(call: OpenSpan) -> Iterator[None]:
    """Have what is sent in here be a part of a call."""
    token = CURRENT.set(call)
    try:
        yield
    finally:
        CURRENT.reset(token)


@contextmanager
def _ending(call: OpenSpan) -> Iterator[None]:
    """End a call with this block; what goes wrong in it is noted by its kind."""
    try:
        yield
    except UpstreamRefused as error:
        answered(call, error.status)
        raise
    except UpstreamError as error:
        call.failed(error.kind)
        raise
    except GatewayError as error:
        call.failed(type(error).__name__)
        raise
    finally:
        call.end()
