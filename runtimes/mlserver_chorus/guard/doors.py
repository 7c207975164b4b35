"""Who may ask what of the model server, over REST, gRPC and for the metrics, when it takes keys.

Each table names what a key of `infer` or `metrics` is for, and what is read without any; whatever
it does not name, today or after an update of MLServer, is for a key of `admin`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from chorus_http.access import callers
from chorus_http.access.callers import Caller
from chorus_http.access.callers import Scope as KeyScope
from chorus_http.access.keys import KeyRing
from chorus_http.access.limits import CallerLimits
from chorus_http.access.rules import Access, Rules
from chorus_http.errors import Refused

from ..deadline import CALLER
from .answers import error_answer

_KEY: Final = b"authorization"
_MODEL: Final = r"/v2/models/[^/]+(?:/versions/[^/]+)?"
_WORK: Final = "infer|generate|infer_stream|generate_stream"
_INFERENCE: Final = r"/inference\.GRPCInferenceService"
_REPOSITORY: Final = r"/inference\.model_repository\.ModelRepositoryService"

REST: Final = Rules(
    probes=frozenset({"/v2/health/live", "/v2/health/ready"}),
    scopes=(
        (re.compile(r"/v2"), KeyScope.INFER),
        (re.compile(rf"{_MODEL}(?:/(?:ready|{_WORK}))?"), KeyScope.INFER),
        (re.compile(r"/v2/repository/index"), KeyScope.INFER),
    ),
)
GRPC: Final = Rules(
    probes=frozenset(
        {
            "/inference.GRPCInferenceService/ServerLive",
            "/inference.GRPCInferenceService/ServerReady",
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
        }
    ),
    scopes=(
        (re.compile(rf"{_INFERENCE}/(?:ServerMetadata|ModelReady|ModelMetadata)"), KeyScope.INFER),
        (re.compile(rf"{_INFERENCE}/(?:ModelInfer|ModelStreamInfer)"), KeyScope.INFER),
        (re.compile(rf"(?:{_INFERENCE}|{_REPOSITORY})/RepositoryIndex"), KeyScope.INFER),
    ),
)


def metrics_rules(endpoint: str) -> Rules:
    """Of the server whose one purpose is this path."""
    return Rules(probes=frozenset(), scopes=((re.compile(re.escape(endpoint)), KeyScope.METRICS),))


class Doors:
    """Lets in whoever has a key that is for what it asks, as often as that key may come.

    There is one for each table; `limits` are of the whole process.
    """

    def __init__(self, keys: KeyRing, rules: Rules, limits: CallerLimits) -> None:
        self._access = Access(keys, rules)
        self._limits = limits

    def admit(self, request: Scope) -> Caller | None:
        """Who calls, None for a probe; noted for the running task too. Raises Refused."""
        self._access.admit(request)
        caller: Caller | None = request.get(callers.CALLER)
        CALLER.set(caller)
        # From here on nobody has it who could tell it on.
        request["headers"] = [header for header in request["headers"] if header[0] != _KEY]
        return caller

    @contextmanager
    def held(self, caller: Caller | None) -> Iterator[Mapping[str, str]]:
        """Do one piece of work in here; yields what is said of the rate. Raises Refused."""
        if caller is None:
            yield {}
            return
        with self._limits.held(caller.name, caller.rate, caller.concurrency) as fields:
            yield fields


class KeyedApp:
    """Plain ASGI around an application that knows no keys."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        app = self._app
        if scope["type"] == "http":
            try:
                self._doors.admit(scope)
            except Refused as error:
                app = error_answer(error.status, str(error), error.headers)
        await app(scope, receive, send)
