"""The switch of OpenTelemetry: off unless the standard variables name a collector.

The provider is nobody else's. Given a global one, libraries that look for it would add spans of
their own, with URLs, addresses and the messages of exceptions in them.
"""

from __future__ import annotations

import os
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
DISABLED: Final = "OTEL_SDK_DISABLED"

PACKAGES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.grpc")
INSTALL: Final = "pip install 'chorus-serve[tracing]'"

CLOSE_SECONDS: Final = 2.0  # a collector on the same machine takes milliseconds


class TracingError(Exception):
    """Traces are asked for and cannot be made; the text is one line for who asked."""


class Tracing:
    """The traces of this process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer = provider.get_tracer("chorus")

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Send what is left, within so many seconds: who leaves waits for no collector."""
        closing = threading.Thread(
            target=self._provider.shutdown, name="chorus-traces", daemon=True
        )
        closing.start()
        closing.join(seconds)


def require(endpoint: str | None = None) -> bool:
    """Whether traces are wanted. Raises TracingError where they cannot be made."""
    if not _wanted(endpoint):
        return False
    protocol = _first(PROTOCOLS) or "grpc"
    if protocol != "grpc":
        raise TracingError(
            f"{PROTOCOLS[1]}: only grpc is spoken here; leave it out, and name the collector's "
            "gRPC port, usually 4317"
        )
    if not all(map(_is_there, PACKAGES)):
        raise TracingError(f"traces are asked for, but OpenTelemetry is not installed: {INSTALL}")
    return True


def start(service: str, endpoint: str | None = None) -> Tracing | None:
    """Set up the traces of a service, None where nobody wants them. Raises TracingError.

    `endpoint`, host:port of a collector without TLS, counts where the variables name none.
    """
    if not require(endpoint):
        return None
    from chorus_http.traces.export import provider  # and with it the SDK

    own = None if _first(ENDPOINTS) else endpoint
    try:
        return Tracing(provider(service, own))
    except Exception as error:  # the SDK's, about any of a dozen variables
        kind = type(error).__name__
        raise TracingError(f"traces: a variable OTEL_… is wrong ({kind}); correct it") from None


def _wanted(endpoint: str | None) -> bool:
    if _first((DISABLED,)).lower() == "true" or not (_first(ENDPOINTS) or endpoint):
        return False
    exporter = _first((EXPORTER,)) or "otlp"
    if exporter not in ("otlp", "none"):
        raise TracingError(f"{EXPORTER}: it must be otlp or none")
    return exporter == "otlp"


def _first(variables: tuple[str, ...]) -> str:
    """The first of them that says something, as the standard has it: empty is unset."""
    values = (os.environ.get(name, "").strip() for name in variables)
    return next(filter(None, values), "")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False
