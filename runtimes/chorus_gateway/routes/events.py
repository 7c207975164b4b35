"""Answers that come as a stream of events."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from chorus_gateway import sse
from chorus_gateway.errors import GatewayError, message_of
from chorus_http.traces.context import CURRENT

logger = logging.getLogger(__name__)


class EventStream(StreamingResponse):
    """Sends events while the caller stays, and then closes `place`, even if none could be sent.

    So whatever the events come from belongs into it: a generator that never began closes nothing.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        place: AsyncExitStack,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        told = _with_errors_told(events)
        # No proxy may gather events into larger pieces.
        kept_apart = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(told, headers={**kept_apart, **(headers or {})})
        self._told = told
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with self._place, aclosing(self._told):
            await super().__call__(scope, receive, send)


async def _with_errors_told(events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Pass the events on; an error ends them, as an event, since the status has gone out."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except Exception as error:
            if span := CURRENT.get():
                span.failed(type(error).__name__)
            if not isinstance(error, GatewayError):
                logger.exception("a stream failed in an unexpected way")
            yield sse.write({"error": message_of(error), "error_type": "generation"})
