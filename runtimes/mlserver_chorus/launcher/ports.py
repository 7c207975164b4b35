"""Where the server listens: every port is taken before anything is loaded."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from mlserver.settings import Settings

BACKLOG = 2048  # uvicorn's own


@dataclass(frozen=True)
class Listeners:
    """The sockets of the HTTP servers; gRPC opens its own."""

    rest: socket.socket
    metrics: socket.socket


def listen(settings: Settings) -> Listeners:
    """Take the ports. Raises OSError, also for gRPC's; MLServer would start without that server."""
    ports = (settings.http_port, settings.metrics_port, settings.grpc_port)
    for index, port in enumerate(ports):
        if not 1 <= port <= 65535:
            raise OSError(f"port {port} is not between 1 and 65535")
        if port in ports[:index]:
            raise OSError(f"port {port} is given to two servers")
    rest, metrics, grpc = (_listener(settings.host, port) for port in ports)
    grpc.close()
    return Listeners(rest, metrics)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OSError(f"port {port} on {host}: {error.strerror}") from None
