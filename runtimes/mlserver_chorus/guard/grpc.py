"""The gRPC services: what MLServer's answer, from what this server knows of itself."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import cast

import grpc
from mlserver.errors import MLServerError
from mlserver.grpc import converters
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.servicers import InferenceServicer
from mlserver.grpc.utils import to_metadata
from mlserver.handlers import DataPlane, ModelRepositoryHandlers
from mlserver.types import InferenceRequest, InferenceResponse, RepositoryIndexRequest
from mlserver.utils import extract_headers, insert_headers

from chorus_http.logs.access_log import note

from ..deadline import CALLER, TRANSPORT_DEADLINE
from ..errors import InvalidRequest
from ..tensors import MAX_DIMENSIONS
from ..v2 import OPTIONS
from .grpc_ids import own_metadata
from .health import SHUTTING_DOWN, Health


class GuardedServicer(InferenceServicer):
    """MLServer's inference service; what it raises, `Calls` turns into statuses."""

    refusing = False
    """While true, inferences are refused as UNAVAILABLE: clients send them elsewhere."""

    def __init__(
        self, data_plane: DataPlane, repository: ModelRepositoryHandlers, health: Health
    ) -> None:
        super().__init__(data_plane, repository)
        self._health = health

    async def ServerLive(  # noqa: N802
        self, request: pb.ServerLiveRequest, context: grpc.ServicerContext
    ) -> pb.ServerLiveResponse:
        """Whether the process need not be started again."""
        return pb.ServerLiveResponse(live=self._health.not_live() is None)

    async def ServerReady(  # noqa: N802
        self, request: pb.ServerReadyRequest, context: grpc.ServicerContext
    ) -> pb.ServerReadyResponse:
        """Whether every expected model can answer, and the server is there to stay."""
        return pb.ServerReadyResponse(ready=await self._health.not_ready() is None)

    async def ModelReady(  # noqa: N802
        self, request: pb.ModelReadyRequest, context: grpc.ServicerContext
    ) -> pb.ModelReadyResponse:
        """Whether a model can answer. Raises ModelNotFound."""
        problem = await self._health.model_not_ready(request.name, request.version)
        return pb.ModelReadyResponse(ready=problem is None)

    async def ModelMetadata(  # noqa: N802
        self, request: pb.ModelMetadataRequest, context: grpc.ServicerContext
    ) -> pb.ModelMetadataResponse:
        """What a model takes and gives. Raises ModelNotFound."""
        metadata = await self._data_plane.model_metadata(request.name, request.version or None)
        return converters.ModelMetadataResponseConverter.from_types(metadata)

    async def ModelInfer(  # noqa: N802
        self, request: pb.ModelInferRequest, context: grpc.ServicerContext
    ) -> pb.ModelInferResponse:
        """Answer a request. Raises MLServerError."""
        await self._health.require(request.model_name, request.model_version)
        note(model=request.model_name)
        payload = self._InsertHeaders(request, context)
        _heed_deadline(context)
        response = await self._data_plane.infer(
            payload, request.model_name, request.model_version or None
        )
        self._SetTrailingMetadata(response, context)
        return converters.ModelInferResponseConverter.from_types(
            response, bool(request.raw_input_contents)
        )

    async def ModelStreamInfer(  # noqa: N802
        self, requests: AsyncIterator[pb.ModelInferRequest], context: grpc.ServicerContext
    ) -> AsyncGenerator[pb.ModelInferResponse]:
        """Answer a stream of requests with a stream. Raises MLServerError."""
        first = await anext(requests, None)
        if first is None:
            raise InvalidRequest("request", "the stream holds none")
        await self._health.require(first.model_name, first.model_version)
        note(model=first.model_name)
        _heed_deadline(context)
        responses = self._data_plane.infer_stream(
            self._PayloadsMetadataGenerator(first, requests, context),
            first.model_name,
            first.model_version or None,
        )
        async with aclosing(cast(AsyncGenerator[InferenceResponse], responses)):
            async for response in responses:
                yield converters.ModelInferResponseConverter.from_types(
                    response, bool(first.raw_input_contents)
                )

    async def RepositoryIndex(  # noqa: N802
        self, request: pb.RepositoryIndexRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryIndexResponse:
        """Every model of the repository and its state, in the protocol's words."""
        asked = RepositoryIndexRequest(ready=request.ready)
        index = pb.RepositoryIndexResponse()
        for item in await self._model_repository_handlers.index(asked):
            index.models.add(
                name=item.name,
                version=item.version or "",
                state=item.state.value,
                reason=item.reason,
            )
        return index

    async def RepositoryModelLoad(  # noqa: N802
        self, request: pb.RepositoryModelLoadRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryModelLoadResponse:
        """Load or reload a model. Raises MLServerError."""
        await self._model_repository_handlers.load(request.model_name)
        return pb.RepositoryModelLoadResponse()

    async def RepositoryModelUnload(  # noqa: N802
        self, request: pb.RepositoryModelUnloadRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryModelUnloadResponse:
        """Unload a model. Raises MLServerError."""
        await self._model_repository_handlers.unload(request.model_name)
        return pb.RepositoryModelUnloadResponse()

    def _SetTrailingMetadata(  # noqa: N802
        self, result: InferenceResponse, context: grpc.ServicerContext
    ) -> None:
        if headers := extract_headers(result):
            context.set_trailing_metadata((*to_metadata(headers), *own_metadata()))

    def _InsertHeaders(  # noqa: N802
        self, request: pb.ModelInferRequest, context: grpc.ServicerContext
    ) -> InferenceRequest:
        if self.refusing:
            raise MLServerError(SHUTTING_DOWN, 503)
        _check(request)
        try:
            payload = converters.ModelInferRequestConverter.to_types(request)
        except (struct.error, ValueError, KeyError, IndexError, TypeError, OverflowError):
            raise InvalidRequest(
                "inputs", "the contents do not match the datatypes and shapes"
            ) from None
        sent = context.invocation_metadata()
        headers = {name: value for name, value in sent if isinstance(value, str)}
        if CALLER.get():
            del headers["authorization"]  # from here on nobody has it who could tell it on
        return insert_headers(payload, headers)


def _check(request: pb.ModelInferRequest) -> None:
    """Refuse what MLServer would misread. Raises InvalidRequest."""
    raw = len(request.raw_input_contents)
    if raw and raw != len(request.inputs):
        raise InvalidRequest("inputs", "not as many as raw_input_contents")
    for index, tensor in enumerate(request.inputs):
        # MLServer multiplies them all, which takes minutes where there are thousands.
        if len(tensor.shape) > MAX_DIMENSIONS:
            raise InvalidRequest(f"inputs[{index}].shape", f"more than {MAX_DIMENSIONS}")
        if raw and tensor.contents.ListFields():
            raise InvalidRequest(f"inputs[{index}].contents", "given beside raw_input_contents")
    for name in OPTIONS:
        # It drops a number that is not whole, and nothing at all is a valid choice too.
        if name in request.parameters and not request.parameters[name].ListFields():
            raise InvalidRequest(f"parameters.{name}", "of a type that is not understood")


def _heed_deadline(context: grpc.ServicerContext) -> None:
    """Let the model see how long this caller waits."""
    left = context.time_remaining()
    if left is not None:
        TRANSPORT_DEADLINE.set(monotonic() + left)
