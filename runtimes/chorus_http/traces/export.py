"""Sending spans to a collector over OTLP/gRPC; the only file that needs OpenTelemetry's SDK."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

logger = logging.getLogger("chorus.traces")

# They say for every batch that is not taken what is said here once.
_TALKATIVE: Final = ("opentelemetry.exporter.otlp", "opentelemetry.sdk._shared_internal")


class Reporting(SpanExporter):
    """Passes spans on; says once when they no longer arrive, and once when they do again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._arrive = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans, on the SDK's own thread."""
        try:
            result = self._exporter.export(spans)
        except Exception:  # nobody waits for it, and a later batch may do better
            result = SpanExportResult.FAILURE
        self._report(result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()

    def _report(self, arrive: bool) -> None:
        if arrive and not self._arrive:
            logger.warning("traces reach the collector again")
        if self._arrive and not arrive:
            logger.warning("traces do not reach the collector and are dropped; requests go on")
        self._arrive = arrive


def provider(service: str, endpoint: str | None) -> TracerProvider:
    """What makes and sends the spans of a service, as the standard variables say.

    `endpoint` is host:port of a collector without TLS, in place of theirs. Raises what the SDK
    raises for a variable that it does not understand.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True if endpoint else None)
    named = SERVICE_NAME in OTELResourceDetector().detect().attributes
    resource = Resource.create({} if named else {SERVICE_NAME: service})
    made = TracerProvider(resource=resource, shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(Reporting(exporter)))
    return made
