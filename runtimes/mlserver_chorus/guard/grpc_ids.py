"""Ids of gRPC calls, and their lines in the access log: every call passes here first."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeAlias

import grpc
from grpc_health.v1 import health_pb2
from mlserver.grpc import dataplane_pb2, model_repository_pb2

from chorus_http.logs import request_ids
from chorus_http.logs.access_log import OTHER, Line

from ..deadline import CALLER

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_PROBE: Final = ("Live", "Ready", "Check", "Watch")

METHODS: Final = frozenset(
    f"/{service.full_name}/{method.name}"
    for module in (dataplane_pb2, model_repository_pb2, health_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)
"""All that there are."""

PROBES: Final = frozenset(method for method in METHODS if method.endswith(_PROBE))
"""Of which there are no lines."""

_METHOD: Final = "gRPC"
_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}
_FACTORIES: Final = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}


def own_metadata() -> tuple[tuple[str, str], ...]:
    """What the trailing metadata of the running call say of it, however it ends."""
    return tuple(request_ids.passed_on().items())


class IdentifyCalls(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # none at run time
    """Gives each call its id, and with an access log a line there.

    gRPC itself answers who calls a method that there is not, so that there is no line of it.
    """

    def __init__(self, access_log: bool) -> None:
        self._access_log = access_log

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The method's handler."""
        sent: Any = details.invocation_metadata
        given = [value for name, value in sent if name == request_ids.HEADER]
        request_ids.CURRENT.set(request_ids.accepted(given))
        if not self._access_log or details.method in PROBES:
            return await continuation(details)
        line = Line()
        handler = await continuation(details)
        route = details.method if details.method in METHODS else OTHER
        return handler and _with_line(handler, line, route)


def _with_line(handler: Handler, line: Line, route: str) -> Handler:
    def end(status: str) -> None:
        caller = CALLER.get()
        line.write(_METHOD, route, status, caller.name if caller else "")

    kind = next(kind for kind in _FACTORIES if getattr(handler, kind))
    told = _telling(getattr(handler, kind), end)
    factory: Any = _FACTORIES[kind]
    made: Handler = factory(told, handler.request_deserializer, handler.response_serializer)
    return made


def _telling(behaviour: Any, end: Callable[[str], None]) -> Any:
    """The same behaviour; `end` is told the name of the status that it came to."""

    async def call(request: Any, context: Any) -> Any:
        try:
            return await behaviour(request, context)
        except asyncio.CancelledError:
            context.set_code(grpc.StatusCode.CANCELLED)
            raise
        finally:
            end(_status(context.code()))

    async def stream(requests: Any, context: Any) -> AsyncGenerator[Any]:
        try:
            async with aclosing(behaviour(requests, context)) as answers:
                async for answer in answers:
                    yield answer
        except asyncio.CancelledError:
            context.set_code(grpc.StatusCode.CANCELLED)
            raise
        finally:
            end(_status(context.code()))

    return stream if inspect.isasyncgenfunction(behaviour) else call


def _status(code: grpc.StatusCode | int | None) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES[code or 0]
