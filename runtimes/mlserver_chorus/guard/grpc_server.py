"""MLServer's gRPC server with our services in front of its own, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from mlserver.grpc import GRPCServer, dataplane_pb2, model_repository_pb2
from mlserver.grpc.interceptors import PromServerInterceptor
from mlserver.handlers import DataPlane, ModelRepositoryHandlers
from mlserver.settings import Settings
from opentelemetry.trace import Tracer

from .doors import Doors
from .grpc import GuardedServicer
from .grpc_access import KeyInterceptor
from .grpc_calls import Calls
from .grpc_health import HealthServicer
from .grpc_ids import IdentifyCalls
from .grpc_traces import TraceCalls
from .health import Health
from .in_flight import InFlight

logger = logging.getLogger("mlserver.chorus")

# Some round trips, in which clients learn that this server takes no more calls.
QUIET_SECONDS = 0.2
# gRPC ends what is left after the grace; by then everybody has been answered.
GRACE_SECONDS = 3600.0
# gRPC lets a connection live a tenth longer than told. The rest of the delay is for the balancer
# to notice that we drain: a client that it sends here once more has to move again.
AGE_OF_DELAY = 0.5


class GuardedGRPCServer(GRPCServer):
    """MLServer's gRPC server, every method of it behind the guard."""

    _server: Any

    def __init__(
        self,
        settings: Settings,
        data_plane: DataPlane,
        repository: ModelRepositoryHandlers,
        health: Health,
        in_flight: InFlight,
        drain_delay: float,
        doors: Doors | None = None,
        tracer: Tracer | None = None,
        access_log: bool = False,
    ) -> None:
        super().__init__(settings, data_plane, repository)
        self._access_log = access_log
        self._calls = Calls(in_flight, doors, TraceCalls(tracer) if tracer else None)
        self._doors = doors
        self._drain_delay = drain_delay
        self._inference = GuardedServicer(data_plane, repository, health)
        self._health_service = HealthServicer(health)

    def _create_server(self) -> Any:
        """MLServer's own, but for its services and the order of what every call passes."""
        self._server = grpc.aio.server(interceptors=self._chain(), options=self._get_options())
        # MLServer knows the same repository methods under an older name too, message for message.
        self._add(self._inference, _service(dataplane_pb2, "GRPCInferenceService"))
        self._add(self._inference, _service(model_repository_pb2, "ModelRepositoryService"))
        self._add(self._health_service, _service(health_pb2, "Health"))
        host, port = self._settings.host, self._settings.grpc_port
        try:
            self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError:
            raise OSError(f"port {port} on {host}: cannot be listened on; is it taken?") from None
        return self._server

    def _chain(self) -> list[Any]:
        """The interceptors that every call passes, in order."""
        chain: list[Any] = [IdentifyCalls(self._access_log)]
        if self._doors:
            chain.append(KeyInterceptor(self._doors))
        if self._settings.metrics_endpoint:
            chain.append(PromServerInterceptor(enable_handling_time_histogram=True))
        return chain

    def _add(self, servicer: object, service: ServiceDescriptor) -> None:
        handlers = self._calls.handlers(servicer, service)
        self._server.add_registered_method_handlers(service.full_name, handlers)

    def _get_options(self) -> list[tuple[str, Any]]:
        # Or two servers could share the port, and each would get some of the calls.
        return [*super()._get_options(), ("grpc.so_reuseport", 0), *self._ageing()]

    def _ageing(self) -> list[tuple[str, Any]]:
        """Have clients connect anew often enough that each does so while we drain.

        Only that moves them without a failed call: when a server stops, gRPC cancels what arrives
        before the client has heard of it. A delay of less than two seconds is too short for it.
        """
        age = AGE_OF_DELAY * self._drain_delay
        return [("grpc.max_connection_age_ms", int(1000 * age))] if age >= 1 else []

    async def start(self) -> None:
        """Serve until stopped. Raises OSError when the port is taken."""
        self._create_server()
        await self._server.start()
        logger.info("gRPC on %s:%d", self._settings.host, self._settings.grpc_port)
        await self._server.wait_for_termination()

    async def stop(self, sig: int | None = None) -> None:
        """Take no more calls, and return when those under way have been answered."""
        self._health_service.close()
        self._inference.refusing = True
        await asyncio.sleep(QUIET_SECONDS)
        await self._server.stop(GRACE_SECONDS)


def _service(module: Any, name: str) -> ServiceDescriptor:
    service: ServiceDescriptor = module.DESCRIPTOR.services_by_name[name]
    return service
