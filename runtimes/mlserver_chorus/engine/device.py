"""A device and all that its requests pass: admitted, tokenised, in line, in a batch, answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from . import metrics
from .admission import TOO_MANY, Admission, Bounds
from .batcher import Batcher
from .budget import Budget
from .errors import DeadlineExceeded, EngineClosed, InferenceFailed, Overloaded
from .expiry import LATE, timers
from .lane import Lane
from .pace import Pace
from .replies import fail
from .timings import Timings
from .tokenization import entries_of
from .types import Logits, Model, Part, Request

logger = logging.getLogger("mlserver.chorus")

# Ten times as long as any pass of a batch of the measured size.
DEFAULT_WATCHDOG = 10.0


class Device:
    """Answers texts, batching across all callers."""

    def __init__(
        self,
        name: str,
        max_batch_tokens: int | None,
        bounds: Bounds,
        watchdog: float,
    ) -> None:
        self._closed = False
        # One thread keeps arrival order; the tokenizers use the cores for large requests.
        self._host = ThreadPoolExecutor(1, "chorus-host")
        self._pace = Pace()
        self._budget = Budget(name, max_batch_tokens)
        self._admission = Admission(bounds, self._pace)
        self._batcher = Batcher(self._budget, self._admission, self._host.submit)
        self._lane = Lane(self._batcher, self._admission, self._budget, self._pace, watchdog)
        self._admission.show(name)

    def measured(self, models: Collection[Model]) -> None:
        """Take what was measured of the loaded models: the size of a batch, and what it takes."""
        self._budget.measured(model.batch_tokens for model in models)
        paces = [model.tokens_per_second for model in models if model.tokens_per_second]
        self._pace.expect(min(paces, default=None))

    def require_room(self, key: str) -> None:
        """Refuse before a request is read what would be refused anyway. Raises Overloaded."""
        self._admission.require_room(key)

    async def answer(
        self,
        parts: tuple[Part, ...],
        texts: Sequence[str],
        wait: float,
        asked: str = "",
        deadline: float | None = None,
        key: str = "",
        timings: Timings | None = None,
    ) -> list[Logits]:
        """Logits float32 [texts, labels] of each part, after `wait` seconds in line at most."""
        request = self._accept(parts, texts, wait, asked, deadline, key, timings)
        expiry = timers(request, wait, deadline)
        try:
            return await request.future
        finally:
            for timer in expiry:
                timer.cancel()
            self._admission.leave(request)

    def _accept(
        self,
        parts: tuple[Part, ...],
        texts: Sequence[str],
        wait: float,
        asked: str,
        deadline: float | None,
        key: str,
        timings: Timings | None,
    ) -> Request:
        """Start a request on its way, if there is a way and room for it."""
        if self._closed:
            raise EngineClosed("the server is shutting down")
        if self._lane.down:
            raise self._lane.refusal()
        left = wait if deadline is None else min(deadline - monotonic(), wait)
        if left <= 0:
            metrics.EXPIRED.inc()
            raise DeadlineExceeded(LATE)
        loop = asyncio.get_running_loop()
        request = Request(parts, texts, loop, loop.create_future(), key, timings, asked)
        if losers := self._admission.admit(request, left):
            fail(losers, Overloaded(TOO_MANY))
        self._host.submit(self._put, request)
        return request

    def _put(self, request: Request) -> None:
        """On the host's thread, whose jobs nobody watches: whatever goes wrong is answered."""
        if request.dead:
            metrics.DROPPED.inc(len(request.texts))
            return
        try:
            self._tokenize(request)
        except Exception:
            logger.exception("a request could not be put in line")
            fail([request], InferenceFailed("internal error"))

    def _tokenize(self, request: Request) -> None:
        started = monotonic()
        try:
            entries = entries_of(request)
        except Exception as error:
            logger.error("a text could not be tokenised: %s", type(error).__name__)
            fail([request], InferenceFailed("the text could not be tokenised"))
            return
        ended, tokens = monotonic(), sum(entry.tokens for entry in entries)
        metrics.TOKENIZE.observe(ended - started)
        if request.timings:
            request.timings.tokenised(started, ended, tokens)
        if not self._admission.tokenised(request, tokens):
            fail([request], Overloaded(TOO_MANY))
            return
        self._batcher.put(entries)
        # Who was accepted before it went down, and came here after all others were told.
        if self._lane.down:
            fail([request], self._lane.refusal())

    def queue_age(self, asked: str) -> float:
        """Seconds that the oldest request under a name has waited in line; 0 without any."""
        return self._admission.queue_age(asked)

    def problem(self) -> str | None:
        """Why it answers nobody at present, in one line; None while it can."""
        return self._lane.problem()

    def loss(self) -> str | None:
        """Why it will not answer in this process again, in one line."""
        return self._lane.loss()

    def close(self, timeout: float) -> None:
        """Stop: the running batch ends, everything queued fails with EngineClosed."""
        self._closed = True
        self._host.shutdown(wait=True)
        left = self._batcher.close()
        fail((entry.request for entry in left), EngineClosed("the server is shutting down"))
        self._lane.stop(timeout)
