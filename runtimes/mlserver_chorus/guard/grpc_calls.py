"""What every gRPC call has in common: it counts as in flight, and its errors have our words.

MLServer's own handlers put the text of any exception into the status, and grpc does so with what
they let through.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Any, NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from mlserver.errors import MLServerError, ModelNotReady
from mlserver.grpc.utils import STATUS_CODE_MAPPING

from chorus_http.errors import Refused

from ..deadline import CALLER
from ..errors import InvalidRequest
from .answers import words_of
from .doors import Doors
from .grpc_ids import own_metadata
from .grpc_traces import TraceCalls
from .in_flight import InFlight
from .retry import retry_after

logger = logging.getLogger("mlserver.chorus")

Context = grpc.aio.ServicerContext[Any, Any]
Unary = Callable[[Any, Context], Awaitable[Any]]
Stream = Callable[[AsyncIterator[Any], Context], AsyncGenerator[Any]]
Held = Callable[[], AbstractContextManager[Any]]

# What GET is over REST: neither a rate nor a number of calls at a time is about it.
_READING = frozenset({"ServerMetadata", "ModelReady", "ModelMetadata"})
_BUSY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


class Calls:
    """Puts a servicer's methods behind the guard."""

    def __init__(
        self, in_flight: InFlight, doors: Doors | None = None, traces: TraceCalls | None = None
    ) -> None:
        self._in_flight = in_flight
        self._doors = doors
        self._traces = traces

    def handlers(
        self, servicer: object, service: ServiceDescriptor
    ) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """Every method of a service by its name, answered by the servicer's of that name."""
        return {
            method.name: self._handler(getattr(servicer, method.name), method)
            for method in service.methods
        }

    def _handler(self, behaviour: Any, method: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
        read = _reader(GetMessageClass(method.input_type))
        held = nullcontext if method.name in _READING else self._held
        if method.client_streaming:
            stream = self._stream(behaviour, held)
            if self._traces:
                stream = self._traces.stream(method, stream)
            return grpc.stream_stream_rpc_method_handler(stream, read, _written)
        unary = self._unary(behaviour, held)
        if self._traces:
            unary = self._traces.unary(method, unary)
        if method.server_streaming:
            # A coroutine that writes: MLServer's counting interceptor awaits what is no stream.
            return grpc.unary_stream_rpc_method_handler(unary, read, _written)
        return grpc.unary_unary_rpc_method_handler(unary, read, _written)

    def _held(self) -> AbstractContextManager[Any]:
        """Count a call as its caller's, who may have so many."""
        return self._doors.held(CALLER.get()) if self._doors else nullcontext()

    def _unary(self, behaviour: Unary, held: Held) -> Unary:
        async def call(request: Any, context: Context) -> Any:
            context.set_trailing_metadata(own_metadata())
            try:
                with self._in_flight.answering(), held():
                    return await behaviour(_understood(request), context)
            except Exception as error:
                await _refuse(context, error)

        return call

    def _stream(self, behaviour: Stream, held: Held) -> Stream:
        async def call(requests: AsyncIterator[Any], context: Context) -> AsyncGenerator[Any]:
            context.set_trailing_metadata(own_metadata())
            left = False
            try:
                with self._in_flight.answering(), held():
                    async with aclosing(behaviour(_all_understood(requests), context)) as answers:
                        async for answer in answers:
                            left = True  # until another answer is asked for
                            yield answer
                            left = False
            except Exception as error:
                # Who leaves while an answer is sent has this closed in another task's context, in
                # which MLServer's generators cannot put back what they have set.
                if not left:
                    await _refuse(context, error)

        return call


async def refuse(context: Context, error: Refused) -> NoReturn:
    """Say why a call is not taken, in the words and with the headers that REST has for it."""
    trailing = (*error.headers.items(), *own_metadata())
    await context.abort(STATUS_CODE_MAPPING[error.status], str(error), trailing)


async def _refuse(context: Context, error: Exception) -> NoReturn:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, Refused):
        await refuse(context, error)
    if not isinstance(error, MLServerError):
        logger.error("a call failed in an unexpected way", exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, "internal error")
    status = 503 if isinstance(error, ModelNotReady) else error.status_code
    code = STATUS_CODE_MAPPING.get(status, grpc.StatusCode.INTERNAL)
    trailing = (("retry-after", retry_after()),) if code in _BUSY else ()
    await context.abort(code, words_of(error), (*trailing, *own_metadata()))


class _Malformed:
    """Bytes that are no message of the declared type."""


def _reader(kind: type[Message]) -> Callable[[bytes], Message | _Malformed]:
    def read(raw: bytes) -> Message | _Malformed:
        try:
            return kind.FromString(raw)
        except DecodeError:
            return _Malformed()

    return read


def _written(message: Message) -> bytes:
    return message.SerializeToString()


def _understood(request: Any) -> Any:
    if isinstance(request, _Malformed):
        raise InvalidRequest("request", "no message of its type; is every text valid UTF-8?")
    return request


async def _all_understood(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _understood(request)
