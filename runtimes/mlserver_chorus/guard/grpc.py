"""MLServer's gRPC service with proper statuses and without Python's words."""

from __future__ import annotations

import logging
import struct

import grpc
from mlserver.errors import MLServerError
from mlserver.grpc.dataplane_pb2 import ModelInferRequest
from mlserver.grpc.servicers import InferenceServicer
from mlserver.grpc.utils import handle_mlserver_error
from mlserver.types import InferenceRequest

from ..errors import InvalidRequest
from ..tensors import MAX_DIMENSIONS
from ..v2 import OPTIONS


class GuardedServicer(InferenceServicer):
    """Refuses contents that cannot be decoded as the caller's fault, without Python's words."""

    ModelReady = handle_mlserver_error(InferenceServicer.ModelReady)

    draining = False
    """While true, new calls are refused as UNAVAILABLE: clients send them elsewhere."""

    def _InsertHeaders(  # noqa: N802
        self, request: ModelInferRequest, context: grpc.ServicerContext
    ) -> InferenceRequest:
        if self.draining:
            raise MLServerError("the server is shutting down", 503)
        for index, tensor in enumerate(request.inputs):
            # MLServer multiplies them all, which takes minutes where there are thousands.
            if len(tensor.shape) > MAX_DIMENSIONS:
                raise InvalidRequest(f"inputs[{index}].shape", f"more than {MAX_DIMENSIONS}")
        for name in OPTIONS:
            # MLServer drops a number that is not whole, and nothing at all is a valid choice too.
            if name in request.parameters and not request.parameters[name].ListFields():
                raise InvalidRequest(f"parameters.{name}", "of a type that is not understood")
        raw = len(request.raw_input_contents)
        if raw and raw != len(request.inputs):
            raise InvalidRequest("inputs", "not as many as raw_input_contents")
        try:
            return super()._InsertHeaders(request, context)
        except (struct.error, ValueError, KeyError, IndexError, TypeError, OverflowError):
            raise InvalidRequest(
                "inputs", "the contents do not match the datatypes and shapes"
            ) from None


def is_no_refusal(record: logging.LogRecord) -> bool:
    """A filter: MLServer logs a traceback for each refused call, and a refusal is no news."""
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, MLServerError) and error.status_code != 500)
