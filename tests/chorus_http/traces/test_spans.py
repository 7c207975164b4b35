"""One span and those below it: whose trace it is, when, and what it says of an error."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from tests.traces import TRACEPARENT, Memory

from chorus_http.traces.spans import begin

CALLER = TRACEPARENT.format(0xAB, 0xCD)


def context(span: ReadableSpan) -> Any:
    assert span.context is not None
    return span.context


def test_a_callers_trace_goes_on() -> None:
    memory = Memory()
    span = begin(memory.tracer, "a", CALLER)
    assert span.traceparent[:36] == CALLER[:36]
    span.end()
    one = memory.one("a")
    assert one.kind is SpanKind.SERVER
    assert one.parent is not None
    assert (one.parent.trace_id, one.parent.span_id) == (0xAB, 0xCD)
    assert one.parent.is_remote
    assert span.traceparent == f"{CALLER[:35]}-{context(one).span_id:016x}-01"


@pytest.mark.parametrize(
    "header",
    [None, "", "canary", CALLER[:-1], CALLER + "x", "ff" + CALLER[2:], TRACEPARENT.format(0, 1)],
)
def test_whatever_is_no_trace_begins_one(header: str | None) -> None:
    memory = Memory()
    begin(memory.tracer, "a", header).end()
    one = memory.one("a")
    assert one.parent is None
    assert "canary" not in one.to_json()


def test_a_caller_may_ask_to_be_left_out() -> None:
    memory = Memory()
    span = begin(memory.tracer, "a", CALLER[:-1] + "0")
    child = span.child("b")
    child.end()
    span.end()
    assert not span.sampled
    assert span.traceparent.endswith("-00")
    assert memory.spans == []


def test_what_happens_inside_is_inside() -> None:
    memory = Memory()
    before = monotonic()
    span = begin(memory.tracer, "a", None)
    span.child("early", began=monotonic()).end(monotonic())
    span.child("late").end()
    span.child("before", began=before).end(before)
    span.end()
    parent = memory.one("a")
    assert parent.start_time is not None
    assert parent.end_time is not None
    for name in ("early", "late"):
        child = memory.one(name)
        assert child.parent is not None
        assert child.parent.span_id == context(parent).span_id
        assert parent.start_time <= (child.start_time or 0)
        assert (child.start_time or 0) <= (child.end_time or 0) <= parent.end_time
    assert (memory.one("before").start_time or 0) <= parent.start_time


def test_a_call_and_those_it_is_for_point_to_each_other() -> None:
    memory = Memory()
    first, second = begin(memory.tracer, "a", None), begin(memory.tracer, "b", None)
    call = first.call("POST", "/x/{y}", links=[first, second])
    second.point_to(call)
    for span in (call, first, second):
        span.end()
    sent = memory.one("POST /x/{y}")
    assert sent.kind is SpanKind.CLIENT
    assert [link.context.span_id for link in sent.links] == [
        context(memory.one(name)).span_id for name in "ab"
    ]
    (link,) = memory.one("b").links
    assert link.context.span_id == context(sent).span_id


def test_an_error_leaves_its_kind_and_no_words() -> None:
    memory = Memory()
    span = begin(memory.tracer, "a", None)
    span.failed("busy")
    span.end()
    one = memory.one("a")
    assert one.status.status_code is StatusCode.ERROR
    assert one.status.description is None
    assert dict(one.attributes or {}) == {"error.type": "busy"}
    assert one.events == ()
