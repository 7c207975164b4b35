"""Engine errors to V2 statuses: the one place where the plugin's status codes live."""

from __future__ import annotations

import grpc
from mlserver.errors import MLServerError
from mlserver.grpc.utils import STATUS_CODE_MAPPING

from .engine import errors as engine

STATUSES: dict[type[engine.EngineError], int] = {
    engine.LoadError: 503,
    engine.UnknownModel: 503,  # a member that is not loaded now; the ensemble's own name is known
    engine.Overloaded: 503,
    engine.QueueTimeout: 503,
    engine.DeadlineExceeded: 504,
    engine.DeviceHung: 504,
    engine.DeviceLost: 503,
    engine.InferenceFailed: 500,
    engine.EngineClosed: 503,
}

# Statuses that MLServer would answer over gRPC as UNKNOWN.
STATUS_CODE_MAPPING.update(
    {
        401: grpc.StatusCode.UNAUTHENTICATED,
        403: grpc.StatusCode.PERMISSION_DENIED,
        429: grpc.StatusCode.RESOURCE_EXHAUSTED,
        503: grpc.StatusCode.UNAVAILABLE,
        504: grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)


class InvalidRequest(MLServerError):
    """The request is wrong; `field` says where, in the caller's own structure. 400."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}", status_code=400)
