"""The standard health service of gRPC, for balancers and clients that know no V2.

Its services are "" and the inference service, which stand for the server, and the models by name.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from mlserver.errors import MLServerError, ModelNotFound
from mlserver.grpc.dataplane_pb2 import DESCRIPTOR

from .grpc_calls import Context
from .health import Health

SERVER = ("", DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name)
# A watcher hears of a change within this time, in seconds; a look costs microseconds.
LOOK_EVERY = 0.1


class HealthServicer:
    """Answers from the server's health whenever it is asked: nothing has to be kept up to date."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._closed = asyncio.Event()

    async def Check(  # noqa: N802
        self, request: HealthCheckRequest, context: Context
    ) -> HealthCheckResponse:
        """The state of the server or of a model. Raises MLServerError (404) for another name."""
        status = await self._status(request.service)
        if status == HealthCheckResponse.SERVICE_UNKNOWN:
            raise MLServerError("no such service", 404)
        return HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802
        self, request: HealthCheckRequest, context: Context
    ) -> None:
        """Write the state now and whenever it changes, until the server stops listening."""
        told = None
        closed = False
        while not closed:
            closed = self._closed.is_set()  # and even then the last state is told
            status = await self._status(request.service)
            if status != told:
                await context.write(HealthCheckResponse(status=status))
                told = status
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), LOOK_EVERY)

    def close(self) -> None:
        """End every watch."""
        self._closed.set()

    async def _status(self, service: str) -> HealthCheckResponse.ServingStatus:
        try:
            if service in SERVER:
                problem = await self._health.not_ready()
            else:
                problem = await self._health.model_not_ready(service, None)
        except ModelNotFound:
            return HealthCheckResponse.SERVICE_UNKNOWN
        return HealthCheckResponse.NOT_SERVING if problem else HealthCheckResponse.SERVING
