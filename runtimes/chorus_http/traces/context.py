"""Where the span of the request at hand is found, by whoever adds to it.

It is None unless traces are on, so that a look at it is all that they cost when they are off; and
it needs nothing of OpenTelemetry.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chorus_http.traces.spans import OpenSpan

CURRENT: ContextVar[OpenSpan | None] = ContextVar("chorus_trace", default=None)

TRACEPARENT: Final = "traceparent"
"""W3C's header. Its companions `tracestate` and `baggage` hold free text, and are never read."""
W3C_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

# Attributes of our own; the others are OpenTelemetry's. Their values are numbers or names of models
# that are served: nothing that a caller has written.
MODEL: Final = "chorus.model"
TEXTS: Final = "chorus.texts"
TOKENS: Final = "chorus.tokens"
BATCH_SIZE: Final = "chorus.batch_size"


def passed_on() -> dict[str, str]:
    """The header that makes the next server's span a child of the one here; empty without one."""
    span = CURRENT.get()
    return {TRACEPARENT: span.traceparent} if span else {}
