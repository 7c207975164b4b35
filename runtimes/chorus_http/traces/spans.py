"""Spans: those of a server, of what it does for a request, and of its calls to other servers.

An attribute is a number or from a closed set. Nothing that a caller has written becomes one, and no
error leaves more than its kind: not its message, which may hold a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic, monotonic_ns, time_ns
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace import format_span_id as span_id
from opentelemetry.trace import format_trace_id as trace_id
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chorus_http.traces.context import TRACEPARENT

ERROR_TYPE: Final = "error.type"

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class OpenSpan:
    """A span that is under way, and what it takes to add to it.

    All times of one request are told by `time.monotonic`: what happens inside of a span is inside
    of it in the trace, whatever becomes of the wall clock meanwhile.
    """

    tracer: Tracer
    span: Span
    epoch: int
    """Nanoseconds from 1970 to the zero of `monotonic`."""

    @property
    def sampled(self) -> bool:
        """Whether anybody will see it."""
        return self.span.get_span_context().trace_flags.sampled

    @property
    def traceparent(self) -> str:
        """The header that makes another server's span its child."""
        context = self.span.get_span_context()
        ids = f"{trace_id(context.trace_id)}-{span_id(context.span_id)}"
        return f"00-{ids}-{context.trace_flags:02x}"

    def child(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        *,
        began: float | None = None,
        links: Iterable[OpenSpan] = (),
    ) -> OpenSpan:
        """Start a span below it, now or at a time by `monotonic`."""
        span = self.tracer.start_span(
            name,
            set_span_in_context(self.span, Context()),
            kind,
            links=[Link(other.span.get_span_context()) for other in links],
            start_time=self._at(began),
        )
        return OpenSpan(self.tracer, span, self.epoch)

    def call(self, method: str, template: str, links: Iterable[OpenSpan] = ()) -> OpenSpan:
        """Start the span of a call over HTTP to the route of that template, at another server."""
        call = self.child(f"{method} {template}", SpanKind.CLIENT, links=links)
        call.note({"http.request.method": method, "url.template": template})
        return call

    def note(self, attributes: Mapping[str, str | int]) -> None:
        """Set attributes."""
        self.span.set_attributes(attributes)

    def point_to(self, other: OpenSpan) -> None:
        """Link to a span that is elsewhere, and does something for this one too."""
        self.span.add_link(other.span.get_span_context())

    def failed(self, kind: str) -> None:
        """Mark it as failed, with a word from a closed set."""
        self.span.set_attribute(ERROR_TYPE, kind)
        self.span.set_status(Status(StatusCode.ERROR))

    def end(self, ended: float | None = None) -> None:
        """End it, now or at a time by `monotonic`."""
        self.span.end(self._at(ended))

    def _at(self, moment: float | None) -> int:
        return self.epoch + int((monotonic() if moment is None else moment) * _NANOSECONDS)


def begin(tracer: Tracer, name: str, traceparent: str | None) -> OpenSpan:
    """Start a server's span: the child of its caller's, if the header is one, else a new trace."""
    epoch = time_ns() - monotonic_ns()
    carrier = {TRACEPARENT: traceparent} if traceparent else {}
    caller = _PROPAGATOR.extract(carrier, Context())
    span = tracer.start_span(name, caller, SpanKind.SERVER, start_time=epoch + monotonic_ns())
    return OpenSpan(tracer, span, epoch)
