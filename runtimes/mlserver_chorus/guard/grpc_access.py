"""Keys over gRPC: every call passes here, those of methods that there are not included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import grpc

from chorus_http.errors import Refused

from .doors import GRPC, Doors
from .grpc_calls import Context, refuse

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class KeyInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # generic in stubs alone
    """Lets calls through whose metadata have a key that is for their method.

    It comes before those that count, so that none of them has a label for the name of a method
    that a stranger has made up.
    """

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The method's handler, or one that says why there is none for this caller."""
        if details.method not in GRPC.probes:
            try:
                self._doors.admit(_as_request(details))
            except Refused as refusal:
                return _refusing(refusal)
        return await continuation(details)


def _as_request(details: grpc.HandlerCallDetails) -> dict[str, Any]:
    """The request of HTTP/2 that a call is; of its metadata, what is no text is no key."""
    sent = [(name, value) for name, value in details.invocation_metadata if isinstance(value, str)]
    headers = [(name.encode(), value.encode()) for name, value in sent]
    return {"method": "POST", "path": details.method, "headers": headers}


def _refusing(refusal: Refused) -> Handler:
    """Of streams, because such a handler need not wait for what the caller has to say."""

    async def answer(_: AsyncIterator[bytes], context: Context) -> None:
        await refuse(context, refusal)

    return grpc.stream_stream_rpc_method_handler(answer)
