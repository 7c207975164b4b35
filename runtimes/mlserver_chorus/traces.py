"""What the model server adds to a request's trace: when it was tokenised, waited, was computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from chorus_http.logs.access_log import NOTED, milliseconds, note
from chorus_http.traces.context import BATCH_SIZE, CURRENT, MODEL, TEXTS, TOKENS

from .engine.timings import Pass, Timings

if TYPE_CHECKING:
    from chorus_http.traces.spans import OpenSpan

_OFF: Final = nullcontext(None)


def timed(model: str, texts: int) -> AbstractContextManager[Timings | None]:
    """Ask a model about so many texts in here, keeping the times; None where nobody wants them."""
    span = CURRENT.get()
    if span is None and NOTED.get() is None:
        return _OFF
    return _timed(span, model, texts)


@contextmanager
def _timed(span: OpenSpan | None, model: str, texts: int) -> Iterator[Timings]:
    note(items=texts)
    timings = Timings()
    try:
        yield timings
    finally:
        _note(timings)
        if span is not None:
            span.note({MODEL: model, TEXTS: texts})
            _tell(span, timings)


def _note(timings: Timings) -> None:
    """Tell the access log for how long the request has waited and been computed."""
    if timings.queued is not None and timings.taken is not None:
        device = sum(one.ended - one.began for one in list(timings.passes))
        note(queue_ms=milliseconds(timings.taken - timings.queued), device_ms=milliseconds(device))


def _tell(span: OpenSpan, timings: Timings) -> None:
    """Add what has happened; of a request that was given up, that may be half of it."""
    if timings.tokenising is not None:
        tokenising = span.child("tokenize", began=timings.tokenising)
        tokenising.note({TOKENS: timings.tokens})
        tokenising.end(timings.queued)
    if timings.queued is not None:
        span.child("queue", began=timings.queued).end(timings.taken)
    for one in list(timings.passes):  # the device may still add to it
        _tell_pass(span, one)


def _tell_pass(span: OpenSpan, one: Pass) -> None:
    forward = span.child("forward", began=one.began)
    forward.note({MODEL: one.name, BATCH_SIZE: one.rows})
    if one.tokens is not None:
        forward.note({TOKENS: one.tokens})
    if one.failure:
        forward.failed(one.failure)
    forward.end(one.ended)
