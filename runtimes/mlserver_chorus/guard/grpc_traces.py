"""A span for each gRPC call; its caller's trace goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor
from opentelemetry.trace import Tracer

from chorus_http.traces.context import CURRENT, TRACEPARENT
from chorus_http.traces.spans import OpenSpan, begin

Context = grpc.aio.ServicerContext[Any, Any]
Unary = Callable[[Any, Context], Awaitable[Any]]
Stream = Callable[[AsyncIterator[Any], Context], AsyncGenerator[Any]]

# Asked for by probes every few seconds.
_UNTRACED: Final = frozenset({"ServerLive", "ServerReady", "ModelReady", "Check", "Watch", "List"})
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
# What OpenTelemetry takes for the server's fault.
_FAULTS: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class TraceCalls:
    """Puts spans around the methods of services, but for those of probes."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def unary(self, method: MethodDescriptor, call: Unary) -> Unary:
        """The same call, with a span."""
        if method.name in _UNTRACED:
            return call

        async def traced(request: Any, context: Context) -> Any:
            with self._span(method, context):
                return await call(request, context)

        return traced

    def stream(self, method: MethodDescriptor, call: Stream) -> Stream:
        """The same call, with a span that ends when the stream does."""

        async def traced(requests: AsyncIterator[Any], context: Context) -> AsyncGenerator[Any]:
            with self._span(method, context):
                async with aclosing(call(requests, context)) as answers:
                    async for answer in answers:
                        yield answer

        return traced

    @contextmanager
    def _span(self, method: MethodDescriptor, context: Context) -> Iterator[None]:
        name = f"{method.containing_service.full_name}/{method.name}"
        metadata: Any = context.invocation_metadata() or ()
        given = [value for key, value in metadata if key == TRACEPARENT]
        span = begin(self._tracer, name, given[0] if len(given) == 1 else None)
        span.note({"rpc.system.name": "grpc", "rpc.method": name})
        CURRENT.set(span)  # for this call's own task, which ends with it
        left = False
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            left = True
            raise
        finally:
            _end(span, grpc.StatusCode.CANCELLED if left else _code(context))


def _code(context: Context) -> grpc.StatusCode:
    given: Any = context.code()  # a number, 0 until there is one
    return given if isinstance(given, grpc.StatusCode) else _CODES[given or 0]


def _end(span: OpenSpan, code: grpc.StatusCode) -> None:
    span.note({"rpc.response.status_code": code.name})
    if code in _FAULTS:
        span.failed(code.name)
    span.end()
