"""Traces in tests: kept in memory, or collected from other processes over OTLP/gRPC."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chorus_http.traces.tracing import Tracing

TRACEPARENT = "00-{:032x}-{:016x}-01"


class Memory:
    """The traces of this process, to look at; `tracing` is to be handed to whoever makes them."""

    def __init__(self, **options: Any) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False, **options)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)
        self.tracer = self.tracing.tracer

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that have ended, in that order."""
        return list(self._exporter.get_finished_spans())

    def forget(self) -> None:
        self._exporter.clear()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span


@dataclass(frozen=True)
class Collected:
    """One span as it came in."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int
    end: int
    attributes: dict[str, Any]
    links: tuple[str, ...]
    status: int
    message: str


@dataclass
class Collector(TraceServiceServicer):
    """Takes what it is sent; while `patience` is above 0, it takes so many seconds for that."""

    port: int = 0
    patience: float = 0.0
    raw: list[bytes] = field(default_factory=list)
    spans: list[Collected] = field(default_factory=list)
    ended: Event = field(default_factory=Event)

    def Export(  # noqa: N802
        self, request: ExportTraceServiceRequest, context: Any
    ) -> ExportTraceServiceResponse:
        self.ended.wait(self.patience)
        self.raw.append(request.SerializeToString())
        for resource in request.resource_spans:
            told = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_read(told["service.name"], span) for span in scope.spans]
        return ExportTraceServiceResponse()

    @property
    def environment(self) -> dict[str, str]:
        """What sends a process's traces here, and soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def of(self, trace: str) -> list[Collected]:
        return [span for span in self.spans if span.trace == trace]

    def until(
        self, enough: Callable[[list[Collected]], object], trace: str | None = None
    ) -> list[Collected]:
        """Wait for spans, of one trace or of all: when `enough` says so, they are here."""
        give_up = time.monotonic() + 30
        while not enough(spans := self.of(trace) if trace else list(self.spans)):
            assert time.monotonic() < give_up, [(s.service, s.name) for s in spans]
            time.sleep(0.05)
        return spans


@contextmanager
def collecting(patience: float = 0.0) -> Iterator[Collector]:
    """Run a collector on a port of its own."""
    collector = Collector(patience=patience)
    server = grpc.server(ThreadPoolExecutor(4))
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    collector.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector
    finally:
        collector.ended.set()
        server.stop(None).wait()


def _read(service: str, span: Any) -> Collected:
    return Collected(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        {a.key: a.value.string_value or a.value.int_value for a in span.attributes},
        tuple(link.span_id.hex() for link in span.links),
        span.status.code,
        span.status.message,
    )
