"""From the times of a request to the spans below it."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from tests.traces import Memory

from chorus_http.traces.context import CURRENT
from chorus_http.traces.spans import OpenSpan, begin
from mlserver_chorus.engine.timings import Pass
from mlserver_chorus.traces import timed


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def served(memory: Memory) -> Iterator[OpenSpan]:
    span = begin(memory.tracer, "served", None)
    token = CURRENT.set(span)
    yield span
    CURRENT.reset(token)


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def seconds_of(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9


def test_nobody_asks_while_traces_are_off() -> None:
    with timed("m", 1) as timings:
        assert timings is None


def test_the_times_become_spans(memory: Memory, served: OpenSpan) -> None:
    start = monotonic()
    with timed("m", 3) as timings:
        assert timings is not None
        timings.tokenised(start, start + 1, 7)
        timings.taken = start + 3
        timings.passes += [
            Pass("a+b", 5, 9, start + 3, start + 8),
            Pass("c", 2, None, start + 8, start + 9, "memory"),
        ]
    served.end()
    assert dict(memory.one("served").attributes or {}) == {"chorus.model": "m", "chorus.texts": 3}
    parent = memory.one("served").context
    assert parent is not None
    below = [span for span in memory.spans if span.name != "served"]
    assert [span.name for span in below] == ["tokenize", "queue", "forward", "forward"]
    assert all(span.parent and span.parent.span_id == parent.span_id for span in below)
    tokenize, queue, good, bad = map(attributes_of, below)
    assert [round(seconds_of(span)) for span in below] == [1, 2, 5, 1]
    assert tokenize == {"chorus.tokens": 7}
    assert queue == {}
    assert good == {"chorus.model": "a+b", "chorus.batch_size": 5, "chorus.tokens": 9}
    assert bad == {"chorus.model": "c", "chorus.batch_size": 2, "error.type": "memory"}
    assert below[-1].status.status_code is StatusCode.ERROR
    assert below[-1].status.description is None


def test_of_a_request_that_was_given_up_half_is_told(memory: Memory, served: OpenSpan) -> None:
    def give_up() -> None:
        with timed("m", 1) as timings:
            assert timings is not None
            timings.tokenised(monotonic(), monotonic(), 7)
            raise TimeoutError("canary")

    with pytest.raises(TimeoutError):
        give_up()
    assert [span.name for span in memory.spans] == ["tokenize", "queue"]
    assert all("canary" not in span.to_json() for span in memory.spans)
